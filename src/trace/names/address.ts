/**
 * A 64-bit kernel address as one float64 that is exact for every address of kernel code: the signed value, whose
 * magnitude is below 2^53 for the top and the bottom 2^53 bytes of the address space.
 */
export function signedAddress(high: number, low: number): number {
  return (high | 0) * 0x1_0000_0000 + low;
}

/** Order of two addresses given as halves: negative, 0 or positive. */
export function addressOrder(highA: number, lowA: number, highB: number, lowB: number): number {
  return highA - highB || lowA - lowB;
}

/** `0xffffffff814103b1` */
export function addressText(high: number, low: number): string {
  return high === 0 ? `0x${low.toString(16)}` : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
}
