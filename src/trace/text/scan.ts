/** Bytes that the scanners look for. */
export const TAB = 9;
export const NEWLINE = 10;
export const CARRIAGE_RETURN = 13;
export const SPACE = 32;
export const QUOTE = 34;
export const HASH = 35;
export const OPEN = 40;
export const CLOSE = 41;
export const COMMA = 44;
export const MINUS = 45;
export const DOT = 46;
export const SLASH = 47;
export const ZERO = 48;
export const COLON = 58;
export const LESS = 60;
export const EQUALS = 61;
export const GREATER = 62;
export const OPEN_SQUARE = 91;
export const CLOSE_SQUARE = 93;
export const OPEN_CURLY = 123;
export const CLOSE_CURLY = 125;
const NINE = 57;
const X = 120;

/** Value of each byte as a hexadecimal digit; 255 for what is none. */
export const HEX = new Uint8Array(256).fill(255);
for (const [value, digit] of [...'0123456789abcdef'].entries()) HEX[digit.charCodeAt(0)] = value;
for (const [value, digit] of [...'ABCDEF'].entries()) HEX[digit.charCodeAt(0)] = value + 10;

/** A 64-bit value in two halves, as the scanners leave it: one for all, read at once. */
export const wide = { high: 0, low: 0 };

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Reads hexadecimal digits, with or without `0x`, into {@link wide}; the position behind them. */
export function scanHex(bytes: Uint8Array, at: number, end: number): number {
  let high = 0;
  let low = 0;
  if (at + 1 < end && bytes[at] === ZERO && bytes[at + 1] === X) at += 2;
  for (; at < end; at++) {
    const digit = HEX[bytes[at] as number] as number;
    if (digit === 255) break;
    high = (high << 4) | (low >>> 28);
    low = (low << 4) | digit;
  }
  wide.high = high >>> 0;
  wide.low = low >>> 0;
  return at;
}

/** Whether a number that is written in hexadecimal says so: `0x1f`. */
export function isPrefixedHex(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 2 < end && bytes[at] === ZERO && bytes[at + 1] === X;
}

/** Reads a decimal number, which may be negative, into {@link wide} as two's complement; the position behind it. */
export function scanDecimal(bytes: Uint8Array, at: number, end: number): number {
  const negative = at < end && bytes[at] === MINUS;
  if (negative) at++;
  let high = 0;
  let low = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    low = low * 10 + digit;
    if (low > 0xffff_ffff) {
      high = (high * 10 + Math.floor(low / 0x1_0000_0000)) >>> 0;
      low >>>= 0;
    } else if (high !== 0) {
      high = (high * 10) >>> 0;
    }
  }
  if (negative) {
    wide.high = (~high + (low === 0 ? 1 : 0)) >>> 0;
    wide.low = -low >>> 0;
  } else {
    wide.high = high;
    wide.low = low;
  }
  return at;
}

/** Reads either kind of number by its prefix. */
export function scanNumber(bytes: Uint8Array, at: number, end: number): number {
  return isPrefixedHex(bytes, at, end) ? scanHex(bytes, at, end) : scanDecimal(bytes, at, end);
}

export function skipSpaces(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
}

/** Position of `byte` in `[at, end)`, or `end`. */
export function find(bytes: Uint8Array, byte: number, at: number, end: number): number {
  while (at < end && bytes[at] !== byte) at++;
  return at;
}

/** Whether the bytes at `at` are the text `text`, which is ASCII. */
export function startsWith(bytes: Uint8Array, at: number, end: number, text: string): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Hash of `[at, end)`, FNV-1a. */
export function hashOf(bytes: Uint8Array, at: number, end: number): number {
  let hash = 0x811c9dc5;
  for (; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash;
}

/** Whether `[at, end)` equals all of `other`. */
export function sameBytes(bytes: Uint8Array, at: number, end: number, other: Uint8Array): boolean {
  if (end - at !== other.length) return false;
  for (let i = 0; i < other.length; i++) if (bytes[at + i] !== other[i]) return false;
  return true;
}
