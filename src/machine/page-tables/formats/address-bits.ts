/**
 * Addresses of up to 64 bits as float64, taken apart without BigInt.
 *
 * Every format has its output address in place: bits 51 to 12 of the entry are those of the address.
 */

const TWO_32 = 2 ** 32;

/** Bits 31 to 12 of an entry's low word: address bits 31 to 12. */
export const ADDRESS_LOW = 0xfffff000;

/** Bits 19 to 0 of an entry's high word: address bits 51 to 32. */
export const ADDRESS_HIGH = 0x000fffff;

/** Low 32 bits of an address, as an int32. */
export function lowWord(address: number): number {
  return address | 0;
}

/** Bits 63 to 32 of an address, as an int32. */
export function highWord(address: number): number {
  return (address / TWO_32) | 0;
}

/** The address of two words. */
export function addressOf(low: number, high: number): number {
  return (high >>> 0) * TWO_32 + (low >>> 0);
}

/** The address in bits 51 to 12 of an entry. */
export function entryAddress(low: number, high: number): number {
  return (high & ADDRESS_HIGH) * TWO_32 + ((low & ADDRESS_LOW) >>> 0);
}

/** Base-2 logarithm of the largest power of two that divides `value`; `Infinity` for 0. */
export function alignmentShift(value: number): number {
  const low = value | 0;
  if (low !== 0) return 31 - Math.clz32(low & -low);
  const high = highWord(value);
  return high === 0 ? Number.POSITIVE_INFINITY : 63 - Math.clz32(high & -high);
}
