/** Values of two digits at once, by their bytes as a little-endian number; negative for what is none. */
export const HEX_PAIRS = pairs('0123456789abcdefABCDEF', 16);
export const DECIMAL_PAIRS = pairs('0123456789', 10);

function pairs(digits: string, base: number): Int16Array {
  const values = new Int16Array(65_536).fill(-1);
  for (const first of digits) {
    for (const second of digits) {
      values[first.charCodeAt(0) | (second.charCodeAt(0) << 8)] = Number.parseInt(first + second, base);
    }
  }
  return values;
}
