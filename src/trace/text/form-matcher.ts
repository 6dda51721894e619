import type { LearntSymbols } from '../names/learnt-symbols.ts';
import { type BatchWriter, LARGEST_RECORD } from './batch-writer.ts';
import { DECIMAL_PAIRS, HEX_PAIRS } from './digit-pairs.ts';
import { type LineForm, STEP, STEP_NUMBERS } from './line-form.ts';
import {
  CARRIAGE_RETURN,
  CLOSE,
  COMMA,
  EQUALS,
  HEX,
  LESS,
  MINUS,
  NEWLINE,
  OPEN,
  OPEN_SQUARE,
  QUOTE,
  SPACE,
  scanDecimal,
  wide,
  ZERO,
} from './scan.ts';
import { WordTable } from './word-table.ts';
import { scanAttributes, scanDirection, scanKnownPlace } from './word-values.ts';

/** A line that is not of the form that it is compared with. */
export const UNKNOWN = -1;

/** Bytes of a string that are copied here. */
const LONGEST_STRING = 255;

/** Compares lines with forms, and writes the records of those that have one. */
export class FormMatcher {
  /** Bytes of the record that was written last. */
  size = 0;
  /** Places in code by their names, with the addresses that stand for them. */
  readonly places = new WordTable(4096);
  private readonly directions = new WordTable(16);
  private readonly attributes = new WordTable(64);
  private readonly batch: BatchWriter;
  private readonly symbols: LearntSymbols;
  /** The word that was not found in its table: it is added when the reader has given it a meaning. */
  private missed: WordTable | undefined;
  private missedAt = 0;
  private missedEnd = 0;

  constructor(batch: BatchWriter, symbols: LearntSymbols) {
    this.batch = batch;
    this.symbols = symbols;
  }

  /**
   * Reads a line from its name on, which is at `at`, and writes its record where the next one of the batch begins.
   *
   * @returns where the line ends, or {@link UNKNOWN} if it has another form
   */
  match(form: LineForm, bytes: Uint8Array, view: DataView, at: number, pid: number, flags: number): number {
    const { batch } = this;
    const { kind, steps, zeros } = form;
    const { doubles, words: literals } = form.literals;
    const first = batch.start >> 2;
    let words = batch.words;
    let tail = 0;
    if (kind !== undefined) {
      if (kind.wider !== undefined) return UNKNOWN;
      tail = kind.fixedBytes;
    }
    for (let step = 0; step < steps.length; step += STEP_NUMBERS) {
      const length = steps[step] as number;
      let literal = steps[step + 1] as number;
      if (length >= 8) {
        const last = at + length - 8;
        for (; at < last; at += 8) if (view.getFloat64(at, true) !== doubles[literal++]) return UNKNOWN;
        if (view.getFloat64(last, true) !== doubles[literal]) return UNKNOWN;
        at = last + 8;
      } else if (length >= 4) {
        if (view.getInt32(at, true) !== literals[literal]) return UNKNOWN;
        at += length;
        if (view.getInt32(at - 4, true) !== literals[literal + 1]) return UNKNOWN;
      } else if (length > 0) {
        if ((view.getInt32(at, true) & ((1 << (8 * length)) - 1)) !== literals[literal]) return UNKNOWN;
        at += length;
      }
      if (step === 0 && kind !== undefined) {
        batch.reserve(tail + 2 * LONGEST_STRING);
        words = batch.words;
        words[first] = kind.id | (flags << 16);
        words[first + 1] = pid;
        for (let i = 0; i < zeros.length; i++) words[first + (zeros[i] as number)] = 0;
        const { functionWord } = form;
        if (functionWord > 0) {
          words[first + functionWord] = form.functionLow;
          words[first + functionWord + 1] = form.functionHigh;
        }
      }
      const what = steps[step + 2] as number;
      const word = first + (steps[step + 3] as number);
      let low = 0;
      let high = 0;
      if (what <= STEP.hexPfn) {
        const start = at;
        let pair = 0;
        let isHalfKnown = false;
        if (what === STEP.address) {
          // The first half of an address is mostly that of the line before.
          const { halves, halfValues } = form;
          const index = step / STEP_NUMBERS;
          if (view.getFloat64(at, true) === halves[index]) {
            low = halfValues[index] as number;
            at += 8;
            isHalfKnown = true;
          }
        }
        if (!isHalfKnown) {
          pair = HEX_PAIRS[view.getUint16(at, true)] as number;
          while (pair >= 0 && at - start < 8) {
            low = (low << 8) | pair;
            at += 2;
            pair = HEX_PAIRS[view.getUint16(at, true)] as number;
          }
        }
        if (at - start === 8) {
          const second = at;
          if (!isHalfKnown && what === STEP.address) {
            const index = step / STEP_NUMBERS;
            form.halves[index] = view.getFloat64(start, true);
            form.halfValues[index] = low;
          }
          high = low;
          low = 0;
          pair = HEX_PAIRS[view.getUint16(at, true)] as number;
          while (pair >= 0 && at - second < 8) {
            low = (low << 8) | pair;
            at += 2;
            pair = HEX_PAIRS[view.getUint16(at, true)] as number;
          }
          let digits = at - second;
          if (digits < 8) {
            const digit = HEX[bytes[at] as number] as number;
            if (digit !== 255) {
              low = (low << 4) | digit;
              at++;
              digits++;
            }
            if (digits === 0) {
              low = high;
              high = 0;
            } else {
              low = (high << (4 * digits)) | low;
              high >>>= 32 - 4 * digits;
            }
          }
        } else {
          const digit = HEX[bytes[at] as number] as number;
          if (digit !== 255) {
            low = (low << 4) | digit;
            at++;
          } else if (at === start) {
            return UNKNOWN;
          }
        }
        if (what === STEP.hexPfn && low === 0 && high === 0) low = high = -1;
        words[word] = low;
        words[word + 1] = high;
        continue;
      }
      switch (what) {
        case STEP.decimal:
        case STEP.decimalPfn: {
          const start = at;
          let pair = DECIMAL_PAIRS[view.getUint16(at, true)] as number;
          while (pair >= 0 && at - start < 8) {
            low = low * 100 + pair;
            at += 2;
            pair = DECIMAL_PAIRS[view.getUint16(at, true)] as number;
          }
          const digit = (bytes[at] as number) - ZERO;
          if (digit >>> 0 <= 9) {
            low = low * 10 + digit;
            at++;
          }
          if (at === start || at - start === 9) {
            // A minus, or more digits than fit here.
            const isNegative = bytes[start] === MINUS;
            at = scanDecimal(bytes, start, start + 17);
            if (at === start || (isNegative && at === start + 1)) return UNKNOWN;
            low = wide.low;
            high = wide.high;
          }
          if (what === STEP.decimalPfn && low === 0 && high === 0) low = high = -1;
          words[word] = low;
          words[word + 1] = high;
          break;
        }
        case STEP.rest:
          // Else the value before goes on.
          if (bytes[at] !== SPACE) return UNKNOWN;
          at = endOfLine(bytes, view, at);
          break;
        case STEP.skip:
          at = wordEnd(bytes, at);
          break;
        case STEP.word: {
          let byte = bytes[at] as number;
          if (byte === OPEN_SQUARE || byte === OPEN || byte === COMMA) return UNKNOWN;
          while (byte !== SPACE && byte !== NEWLINE) {
            if (byte === EQUALS) return UNKNOWN;
            byte = bytes[++at] as number;
          }
          break;
        }
        case STEP.string:
        case STEP.placedString: {
          const start = at;
          const mayHaveEquals = what === STEP.string;
          let byte = bytes[at] as number;
          if (byte === QUOTE) return UNKNOWN;
          if (!mayHaveEquals && (byte === OPEN_SQUARE || byte === OPEN || byte === COMMA)) return UNKNOWN;
          while (byte !== SPACE && byte !== NEWLINE) {
            if (byte === EQUALS && !mayHaveEquals) return UNKNOWN;
            byte = bytes[++at] as number;
          }
          const bytesOf = at - start;
          if (bytesOf === 0 || bytesOf > LONGEST_STRING || tail + 2 * LONGEST_STRING > LARGEST_RECORD)
            return UNKNOWN;
          const size = (bytesOf + 4) & ~3;
          batch.reserve(tail + size + 2 * LONGEST_STRING);
          words = batch.words;
          words[word] = ((bytesOf + 1) << 16) | tail;
          // Beyond the end of the string are zeros, up to the end of its last word.
          const to = first + (tail >> 2);
          const last = size - 4;
          for (let i = 0; i < last; i += 4) words[to + (i >> 2)] = view.getInt32(start + i, true);
          words[to + (last >> 2)] = view.getInt32(start + last, true) & ((1 << (8 * (bytesOf - last))) - 1);
          tail += size;
          break;
        }
        case STEP.place:
        case STEP.direction:
        case STEP.attributes: {
          const start = at;
          at = wordEnd(bytes, at);
          const table =
            what === STEP.place ? this.places : what === STEP.direction ? this.directions : this.attributes;
          const index = table.find(view, start, at - start);
          if (index < 0) return this.miss(table, start, at);
          words[word] = table.lows[index] as number;
          words[word + 1] = table.highs[index] as number;
          break;
        }
        case STEP.caller: {
          const start = at;
          let byte = bytes[at] as number;
          while (byte !== CLOSE && byte !== LESS && byte !== NEWLINE) byte = bytes[++at] as number;
          if (byte === LESS && bytes[at - 1] === SPACE) at--;
          const index = this.places.find(view, start, at - start);
          if (index < 0) return this.miss(this.places, start, at);
          high = this.places.highs[index] as number;
          // An address may be printed in another order, see EventKind.
          if (high !== this.symbols.nameOnlyHigh) return UNKNOWN;
          words[word] = this.places.lows[index] as number;
          words[word + 1] = high;
          break;
        }
        case STEP.callSite: {
          let byte = bytes[at] as number;
          while (byte !== CLOSE) {
            if (byte === NEWLINE) return UNKNOWN;
            byte = bytes[++at] as number;
          }
          break;
        }
        case STEP.special: {
          const field = form.fields[step / STEP_NUMBERS];
          const end = endOfLine(bytes, view, at);
          if (field === undefined || kind === undefined || bytes[end - 1] === CARRIAGE_RETURN) return UNKNOWN;
          at = kind.encodeOne(field, bytes, at, end, tail, batch);
          tail = kind.recordSize;
          words = batch.words;
          break;
        }
      }
    }
    if (bytes[at] !== NEWLINE || bytes[at - 1] === CARRIAGE_RETURN) return UNKNOWN;
    this.size = tail;
    return at;
  }

  /** Takes note of a word that is not in a table: the line has a form that is not known yet. */
  miss(table: WordTable, at: number, end: number): number {
    this.missed = table;
    this.missedAt = at;
    this.missedEnd = end;
    return UNKNOWN;
  }

  /** A line is left that was not understood. */
  forgetMissed(): void {
    this.missed = undefined;
  }

  /** Adds the word that was missed to its table, if the reader has given it a meaning by now. */
  remember(bytes: Uint8Array, view: DataView): boolean {
    const { missed: table, missedAt: at, missedEnd: end } = this;
    if (table === undefined) return false;
    this.missed = undefined;
    if (table === this.directions) scanDirection(bytes, at, end);
    else if (table === this.attributes) scanAttributes(bytes, at, end);
    else if (!scanKnownPlace(this.symbols, bytes, at, end)) return false;
    table.set(view, at, end - at, wide.high, wide.low);
    return true;
  }
}

/** The end of the line that `at` is in: four bytes are looked at at once. */
export function endOfLine(bytes: Uint8Array, view: DataView, at: number): number {
  for (;;) {
    const word = view.getInt32(at, true) ^ 0x0a0a0a0a;
    // A byte that is 0 borrows from the one above.
    if (((word - 0x01010101) & ~word & 0x80808080) !== 0) break;
    at += 4;
  }
  while (bytes[at] !== NEWLINE) at++;
  return at;
}

function wordEnd(bytes: Uint8Array, at: number): number {
  let byte = bytes[at] as number;
  while (byte !== SPACE && byte !== NEWLINE) byte = bytes[++at] as number;
  return at;
}
