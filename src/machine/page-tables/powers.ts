/** `2 ** shift` and its reciprocal for shifts of 0 to 64: multiplying a float64 by either is exact, and faster. */
export const POWER: Float64Array = Float64Array.from({ length: 65 }, (_, shift) => 2 ** shift);
export const INVERSE_POWER: Float64Array = Float64Array.from({ length: 65 }, (_, shift) => 2 ** -shift);

/** All 64-bit addresses. */
export const ADDRESS_SPACE: number = 2 ** 64;

/** The largest multiple of `2 ** shift` that is not above `value`. */
export function alignDown(value: number, shift: number): number {
  return Math.floor(value * (INVERSE_POWER[shift] as number)) * (POWER[shift] as number);
}

export function isAligned(value: number, shift: number): boolean {
  return alignDown(value, shift) === value;
}

/** Base-2 logarithm of a positive number, rounded down. */
export function log2Floor(value: number): number {
  if (value < 0x80000000) return 31 - Math.clz32(value);
  const high = value / 0x80000000;
  return high < 0x80000000 ? 62 - Math.clz32(high) : 93 - Math.clz32(high / 0x80000000);
}
