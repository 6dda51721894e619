import { DMA_ATTR_NAMES, DMA_DIRECTIONS } from '../../kernel/dma.ts';
import { latin1 } from '../file/latin1.ts';
import type { LearntSymbols } from '../names/learnt-symbols.ts';
import { find, isDigit, SPACE, sameBytes, scanHex, scanNumber, startsWith, wide } from './scan.ts';

/** Words that stand for numbers. Their values are left in {@link wide}. */

export function endOfWord(bytes: Uint8Array, at: number, end: number): number {
  return find(bytes, SPACE, at, end);
}

/** `TO_DEVICE`, or the number of the direction; all ones for what is neither. The position behind it. */
export function scanDirection(bytes: Uint8Array, at: number, end: number): number {
  if (isDigit(bytes[at])) return scanNumber(bytes, at, end);
  const stop = endOfWord(bytes, at, end);
  const direction = DMA_DIRECTIONS.findIndex(
    name => name.length === stop - at && startsWith(bytes, at, stop, name),
  );
  wide.low = direction < 0 ? 0xffff_ffff : direction;
  wide.high = direction < 0 ? 0xffff_ffff : 0;
  return stop;
}

/** A driver passes the same attributes again and again. */
const lastAttributes = { text: new Uint8Array(0), mask: 0 };

/** `SKIP_CPU_SYNC|NO_WARN`, or the mask. The position behind it. */
export function scanAttributes(bytes: Uint8Array, at: number, end: number): number {
  if (isDigit(bytes[at])) return scanNumber(bytes, at, end);
  const stop = endOfWord(bytes, at, end);
  if (!sameBytes(bytes, at, stop, lastAttributes.text)) {
    lastAttributes.text = bytes.slice(at, stop);
    lastAttributes.mask = attributeMask(latin1(lastAttributes.text));
  }
  wide.low = lastAttributes.mask;
  wide.high = 0;
  return stop;
}

function attributeMask(text: string): number {
  let mask = 0;
  if (text !== '') {
    for (const name of text.split('|')) {
      const bit = DMA_ATTR_NAMES.find(([, known]) => known === name)?.[0];
      // Flags without a name are printed as a number, kernel/trace/trace_output.c.
      mask |= bit === undefined ? Number(name) || 0 : 1 << bit;
    }
  }
  return mask >>> 0;
}

/** A place in code, which is all of `[at, end)`: its address or, of a name, the one that stands for it. */
export function scanPlace(symbols: LearntSymbols, bytes: Uint8Array, at: number, end: number): void {
  if (at < end && scanHex(bytes, at, end) === end) return;
  wide.low = at < end ? symbols.lowOf(bytes, at, end) : 0;
  wide.high = at < end ? symbols.nameOnlyHigh : 0;
}

/** The same of a name that stands for an address already; `false` for another. */
export function scanKnownPlace(symbols: LearntSymbols, bytes: Uint8Array, at: number, end: number): boolean {
  if (at === end) return false;
  if (scanHex(bytes, at, end) === end) return true;
  wide.low = symbols.knownLowOf(bytes, at, end);
  wide.high = symbols.nameOnlyHigh;
  return wide.low !== 0;
}
