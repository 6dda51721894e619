import type { LearntSymbols } from '../names/learnt-symbols.ts';
import { type BatchWriter, LARGEST_RECORD } from './batch-writer.ts';
import { DECIMAL_PAIRS, HEX_PAIRS } from './digit-pairs.ts';
import { KnownHeaders } from './known-headers.ts';
import { type LineForm, LineFormBuilder, STEP, STEP_NUMBERS } from './line-form.ts';
import type { LineForms } from './line-forms.ts';
import { FRACTION_NS } from './line-header.ts';
import { newlineIn, textEnd } from './line-splitter.ts';
import {
  CARRIAGE_RETURN,
  CLOSE,
  COLON,
  COMMA,
  DOT,
  EQUALS,
  GREATER,
  HEX,
  LESS,
  MINUS,
  NEWLINE,
  OPEN,
  OPEN_SQUARE,
  QUOTE,
  SPACE,
  scanDecimal,
  TAB,
  wide,
  ZERO,
} from './scan.ts';
import type { TextPositions } from './text-positions.ts';
import { NO_STACK, type TextReader } from './text-reader.ts';
import { WordTable } from './word-table.ts';
import { scanAttributes, scanDirection, scanKnownPlace } from './word-values.ts';

/** Bytes that are read behind a line at most, before it is known where it ends. */
const READ_BEHIND = 64;

/** Bytes of a string that are copied here. */
const LONGEST_STRING = 255;

/** The upper half of kernel addresses has its first bit set, on kernels of 64 bits. */
const KERNEL_HIGH = 0x8000_0000;

/** A line that is not of a form that is known. */
const UNKNOWN = -1;

/** A table of words that is searched in vain and, by that, told of the word when it was read by the general way. */
interface Missed {
  table: WordTable | undefined;
  at: number;
  end: number;
}

/**
 * Reads the lines that have a form which the {@link TextReader} has shown before, which are nearly all of a text: bytes
 * that are the same are compared four at once, and the record is written while the values are found. All others, and
 * all that is met for the first time, are left to the reader, which alone says what a line means.
 */
export class QuickLines {
  private readonly reader: TextReader;
  private readonly batch: BatchWriter;
  private readonly symbols: LearntSymbols;
  private readonly positions: TextPositions;
  private readonly forms: LineForms;
  private readonly headers = new KnownHeaders();
  private readonly places = new WordTable(4096);
  private readonly directions = new WordTable(16);
  private readonly attributes = new WordTable(64);
  /** Addresses that {@link symbols} knows, found by their lower half. */
  private readonly known = new Uint32Array(2 * 8192);
  private readonly missed: Missed = { table: undefined, at: 0, end: 0 };
  /** Bytes of the record that {@link match} has written. */
  private size = 0;
  /** The address that {@link addressOf} has read. */
  private high = 0;
  private low = 0;

  constructor(
    reader: TextReader,
    batch: BatchWriter,
    symbols: LearntSymbols,
    positions: TextPositions,
    forms: LineForms,
  ) {
    this.reader = reader;
    this.batch = batch;
    this.symbols = symbols;
    this.positions = positions;
    this.forms = forms;
  }

  /** Takes the whole lines `[start, end)`, each with its end; byte 0 of `bytes` stands at `offset` of the text. */
  read(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const limit = Math.min(end, bytes.length - READ_BEHIND);
    const quickEnd = limit > start ? bytes.lastIndexOf(NEWLINE, limit - 1) + 1 : start;
    let at = start;
    while (at < quickEnd) {
      const next = this.line(bytes, view, at, offset);
      if (next !== UNKNOWN) {
        at = next;
        continue;
      }
      const stop = newlineIn(bytes, at, end);
      this.reader.line(bytes, at, textEnd(bytes, at, stop), offset + at);
      this.learn(bytes, view, at, stop);
      at = stop + 1;
    }
    this.reader.lines(bytes, at, end, offset);
  }

  /** Reads the line at `start`, and returns where the next one begins. */
  private line(bytes: Uint8Array, view: DataView, start: number, offset: number): number {
    const { reader, headers, missed } = this;
    missed.table = undefined;
    const header = headers.find(view, start);
    if (header < 0) {
      return reader.stackOf === NO_STACK ? UNKNOWN : this.frame(bytes, view, start);
    }
    let at = start + (headers.lengths[header] as number);
    // Time: seconds and their fraction.
    if (bytes[at] !== SPACE) return UNKNOWN;
    while (bytes[at] === SPACE) at++;
    const timeAt = at;
    let seconds = 0;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >>> 0 <= 9) {
      seconds = seconds * 10 + digit;
      digit = (bytes[++at] as number) - ZERO;
    }
    if (at === timeAt || at - timeAt > 9 || bytes[at] !== DOT) return UNKNOWN;
    const fractionAt = ++at;
    let fraction = 0;
    let pair = DECIMAL_PAIRS[view.getUint16(at, true)] as number;
    while (pair >= 0 && at - fractionAt < 8) {
      fraction = fraction * 100 + pair;
      at += 2;
      pair = DECIMAL_PAIRS[view.getUint16(at, true)] as number;
    }
    digit = (bytes[at] as number) - ZERO;
    if (digit >>> 0 <= 9) {
      fraction = fraction * 10 + digit;
      at++;
    }
    if (bytes[at] !== COLON || bytes[at + 1] !== SPACE) return UNKNOWN;
    const timeNs = seconds * 1e9 + fraction * (FRACTION_NS[at - fractionAt] as number);
    at += 2;
    while (bytes[at] === SPACE) at++;
    // The name ends as the reader takes it to end: at a space, or at a colon before one.
    let nameEnd = at;
    let byte = bytes[nameEnd] as number;
    while (byte !== SPACE && byte !== NEWLINE && (byte !== COLON || bytes[nameEnd + 1] !== SPACE)) {
      byte = bytes[++nameEnd] as number;
    }
    if (nameEnd === at) return UNKNOWN;
    const forms = this.forms.of(view, at, nameEnd);
    const pid = headers.pids[header] as number;
    if (pid !== reader.lastPid && headers.isNoted[header] === 0) return UNKNOWN;
    const flags = headers.flags[header] as number;
    for (let i = 0; i < forms.length; i++) {
      const form = forms[i] as LineForm;
      const stop = this.match(form, bytes, view, at, pid, flags);
      if (stop !== UNKNOWN) {
        this.take(form, header, timeNs, start, stop, offset);
        return stop + 1;
      }
    }
    return UNKNOWN;
  }

  /** Does what the reader does for a line that it has understood. */
  private take(
    { kind }: LineForm,
    header: number,
    timeNs: number,
    start: number,
    stop: number,
    offset: number,
  ): void {
    const { reader, headers, batch } = this;
    const { tally } = reader;
    const before = tally.lines++;
    const cpu = headers.cpus[header] as number;
    const pid = headers.pids[header] as number;
    const isPerf = headers.isPerf[header] === 1;
    reader.header.isPerf = isPerf;
    tally.count(cpu, timeNs, stop - start + 1);
    if (kind === undefined) {
      reader.stackOf = reader.ownerOfStack(cpu, pid, headers.flags[header] as number);
      return;
    }
    reader.lastPid = pid;
    const number = batch.push(cpu, timeNs, this.positions.of(offset + start, before), this.size);
    reader.stackOf = isPerf ? number : NO_STACK;
  }

  /**
   * Reads the line from its name on, which is at `at`, and writes its record.
   *
   * @returns where the line ends, or {@link UNKNOWN} if it has another form
   */
  private match(
    { kind, steps, literals, fields }: LineForm,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    pid: number,
    flags: number,
  ): number {
    const { batch } = this;
    let words = batch.words;
    const first = batch.start >> 2;
    let tail = 0;
    if (kind !== undefined) {
      if (kind.wider !== undefined) return UNKNOWN;
      tail = kind.fixedBytes;
    }
    let isBegun = false;
    for (let step = 0; step < steps.length; step += STEP_NUMBERS) {
      let literal = steps[step] as number;
      for (const end = literal + (steps[step + 1] as number); literal < end; literal++, at += 4) {
        if (view.getInt32(at, true) !== literals[literal]) return UNKNOWN;
      }
      const mask = steps[step + 2] as number;
      if (mask !== 0) {
        if ((view.getInt32(at, true) & mask) !== literals[literal]) return UNKNOWN;
        at += steps[step + 3] as number;
      }
      if (!isBegun && kind !== undefined) {
        isBegun = true;
        batch.reserve(tail + 2 * LONGEST_STRING);
        words = batch.words;
        words[first] = kind.id | (flags << 16);
        words[first + 1] = pid;
        for (let i = 2; i < tail >> 2; i++) words[first + i] = 0;
      }
      const word = first + (steps[step + 5] as number);
      const what = steps[step + 4] as number;
      let low = 0;
      let high = 0;
      if (what === STEP.hex || what === STEP.hexPfn || what === STEP.functionHex) {
        const start = at;
        let pair = HEX_PAIRS[view.getUint16(at, true)] as number;
        while (pair >= 0 && at - start < 8) {
          low = (low << 8) | pair;
          at += 2;
          pair = HEX_PAIRS[view.getUint16(at, true)] as number;
        }
        if (at - start === 8) {
          const second = at;
          high = low;
          low = 0;
          while (pair >= 0 && at - second < 8) {
            low = (low << 8) | pair;
            at += 2;
            pair = HEX_PAIRS[view.getUint16(at, true)] as number;
          }
          let digits = at - second;
          const digit = HEX[bytes[at] as number] as number;
          if (digit !== 255 && digits < 8) {
            low = (low << 4) | digit;
            at++;
            digits++;
          }
          if (digits === 0) {
            low = high;
            high = 0;
          } else if (digits < 8) {
            low = (high << (4 * digits)) | low;
            high >>>= 32 - 4 * digits;
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
        if (what === STEP.functionHex && !kind?.isLastFunction(high >>> 0, low >>> 0)) return UNKNOWN;
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
          at = endOfWordHere(bytes, at);
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
          const length = at - start;
          if (length === 0 || length > LONGEST_STRING || tail + 2 * LONGEST_STRING > LARGEST_RECORD)
            return UNKNOWN;
          const size = (length + 4) & ~3;
          batch.reserve(tail + size + 2 * LONGEST_STRING);
          words = batch.words;
          words[word] = ((length + 1) << 16) | tail;
          const to = (first << 2) + tail;
          // Beyond the end of the string are zeros, up to the end of its last word.
          const last = size - 4;
          for (let i = 0; i < last; i += 4) words[(to + i) >> 2] = view.getInt32(start + i, true);
          words[(to + last) >> 2] = view.getInt32(start + last, true) & ((1 << (8 * (length - last))) - 1);
          tail += size;
          break;
        }
        case STEP.place:
        case STEP.direction:
        case STEP.attributes: {
          const start = at;
          at = endOfWordHere(bytes, at);
          const table =
            what === STEP.place ? this.places : what === STEP.direction ? this.directions : this.attributes;
          const index = table.find(view, start, at - start);
          if (index < 0) return this.miss(table, start, at);
          words[word] = table.lows[index] as number;
          words[word + 1] = table.highs[index] as number;
          break;
        }
        case STEP.function:
        case STEP.caller: {
          const start = at;
          let byte = bytes[at] as number;
          while (byte !== CLOSE && byte !== LESS && byte !== NEWLINE) byte = bytes[++at] as number;
          if (byte === LESS && bytes[at - 1] === SPACE) at--;
          const index = this.places.find(view, start, at - start);
          if (index < 0) return this.miss(this.places, start, at);
          low = this.places.lows[index] as number;
          high = this.places.highs[index] as number;
          if (high !== this.symbols.nameOnlyHigh) return UNKNOWN;
          if (what === STEP.function && !kind?.isLastFunction(high, low)) return UNKNOWN;
          words[word] = low;
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
          const field = fields[step / STEP_NUMBERS];
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

  /** Reads a line of a stack, or the empty line that ends one. */
  private frame(bytes: Uint8Array, view: DataView, start: number): number {
    const { reader } = this;
    const { stackOf } = reader;
    let at = start;
    let byte = bytes[at] as number;
    if (byte === NEWLINE) {
      reader.tally.lines++;
      reader.stackOf = NO_STACK;
      return start + 1;
    }
    while (byte === SPACE || byte === TAB) byte = bytes[++at] as number;
    if (byte === EQUALS && bytes[at + 1] === GREATER) {
      at += 2;
      while (bytes[at] === SPACE) at++;
      const end = endOfLine(bytes, view, at);
      const last = bytes[end - 1] as number;
      if (last === GREATER || last === CLOSE) {
        const open = end - 18;
        if (open <= at || bytes[open] !== (last === CLOSE ? OPEN : LESS)) return UNKNOWN;
        return this.addressOf(view, open + 1) && this.addKnown() ? this.nextLine(end) : UNKNOWN;
      }
      if (last === SPACE || last === TAB || last === CARRIAGE_RETURN) return UNKNOWN;
      if (stackOf >= 0) {
        const index = this.places.find(view, at, end - at);
        if (index < 0) return this.miss(this.places, at, end);
        this.batch.addFrame(stackOf, this.places.highs[index] as number, this.places.lows[index] as number);
      }
      return this.nextLine(end);
    }
    if (at === start || !reader.header.isPerf || bytes[at + 16] !== SPACE) return UNKNOWN;
    if (!this.addressOf(view, at)) return UNKNOWN;
    // Frames of user space follow those of the kernel.
    if (this.high >= KERNEL_HIGH && !this.addKnown()) return UNKNOWN;
    return this.nextLine(endOfLine(bytes, view, at));
  }

  /** Reads the address of 16 digits at `at`. */
  private addressOf(view: DataView, at: number): boolean {
    let high = 0;
    let low = 0;
    let valid = 0;
    for (let i = 0; i < 8; i += 2) {
      const pair = HEX_PAIRS[view.getUint16(at + i, true)] as number;
      const lowPair = HEX_PAIRS[view.getUint16(at + 8 + i, true)] as number;
      high = (high << 8) | pair;
      low = (low << 8) | lowPair;
      valid |= pair | lowPair;
    }
    this.high = high >>> 0;
    this.low = low >>> 0;
    return valid >= 0;
  }

  /** Adds the address that was read to the stack, if it needs no name any more. */
  private addKnown(): boolean {
    const { high, low, known } = this;
    const { stackOf } = this.reader;
    if (stackOf < 0) return true;
    const slot = (Math.imul(low, 0x9e3779b1) >>> 19) * 2;
    if (known[slot] !== low || known[slot + 1] !== high) {
      if (!this.symbols.isKnown(high, low)) return false;
      known[slot] = low;
      known[slot + 1] = high;
    }
    this.batch.addFrame(stackOf, high, low);
    return true;
  }

  private nextLine(end: number): number {
    this.reader.tally.lines++;
    return end + 1;
  }

  private miss(table: WordTable, at: number, end: number): number {
    const { missed } = this;
    missed.table = table;
    missed.at = at;
    missed.end = end;
    return UNKNOWN;
  }

  /** Adds the word that was missed to its table, if the reader has given it a meaning. */
  private remember(bytes: Uint8Array, view: DataView): boolean {
    const { table, at, end } = this.missed;
    if (table === undefined) return false;
    this.missed.table = undefined;
    if (table === this.directions) scanDirection(bytes, at, end);
    else if (table === this.attributes) scanAttributes(bytes, at, end);
    else if (!scanKnownPlace(this.symbols, bytes, at, end)) return false;
    table.set(view, at, end - at, wide.high, wide.low);
    return true;
  }

  /** Learns what the reader has shown of the line `[start, end)`, which it has just read. */
  private learn(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const { reader, forms, batch } = this;
    this.remember(bytes, view);
    const { header, kindRead: kind, titleRead } = reader;
    if ((kind === undefined && !titleRead) || bytes[end - 1] === CARRIAGE_RETURN) return;
    const nameAt = header.rest;
    let nameEnd = nameAt;
    while (
      nameEnd < end &&
      bytes[nameEnd] !== SPACE &&
      (bytes[nameEnd] !== COLON || bytes[nameEnd + 1] !== SPACE)
    )
      nameEnd++;
    let colon = nameAt - 1;
    while (bytes[colon] === SPACE) colon--;
    if (colon === nameAt - 1 || bytes[colon] !== COLON || nameEnd === nameAt || nameEnd === end) return;
    this.headers.learn(bytes, view, start, header, reader.isTaskKnown(bytes));
    if (!forms.wants(view, nameAt, nameEnd)) return;
    const builder = new LineFormBuilder(bytes, nameAt, end);
    let form: LineForm | undefined;
    if (kind === undefined) {
      form = builder.build(undefined);
    } else if (bytes[nameEnd] === COLON) {
      // Written where the next record will be; nothing is kept of it.
      const { pid, flags } = header;
      const isUnderstood = kind.encode(bytes, reader.bodyAt, end, flags, pid, batch, builder);
      if (isUnderstood || kind.isFixed) form = builder.build(kind);
      if (form && !this.isProven(form, bytes, view, nameAt, kind.recordSize)) form = undefined;
    }
    forms.add(view, nameAt, nameEnd, form);
  }

  /** Whether a form gives the same record as the one of `size` bytes that was written of its line. */
  private isProven(form: LineForm, bytes: Uint8Array, view: DataView, nameAt: number, size: number): boolean {
    const { batch, missed } = this;
    const { start } = batch;
    const record = batch.bytes.slice(start, start + size);
    const { pid, flags } = this.reader.header;
    let stop = UNKNOWN;
    do {
      missed.table = undefined;
      stop = this.match(form, bytes, view, nameAt, pid, flags);
    } while (stop === UNKNOWN && this.remember(bytes, view));
    return (
      stop !== UNKNOWN &&
      this.size === size &&
      Buffer.compare(record, batch.bytes.subarray(start, start + size)) === 0
    );
  }
}

/** The end of the line that `at` is in: four bytes are looked at at once. */
function endOfLine(bytes: Uint8Array, view: DataView, at: number): number {
  for (;;) {
    const word = view.getInt32(at, true) ^ 0x0a0a0a0a;
    // A byte that is 0 borrows from the one above.
    if (((word - 0x01010101) & ~word & 0x80808080) !== 0) break;
    at += 4;
  }
  while (bytes[at] !== NEWLINE) at++;
  return at;
}

function endOfWordHere(bytes: Uint8Array, at: number): number {
  let byte = bytes[at] as number;
  while (byte !== SPACE && byte !== NEWLINE) byte = bytes[++at] as number;
  return at;
}
