import type { LearntSymbols } from '../names/learnt-symbols.ts';
import type { BatchWriter } from './batch-writer.ts';
import { DECIMAL_PAIRS, HEX_PAIRS } from './digit-pairs.ts';
import { endOfLine, FormMatcher, UNKNOWN } from './form-matcher.ts';
import { KNOWN_HEADERS, KnownHeaders } from './known-headers.ts';
import { type LineForm, LineFormBuilder } from './line-form.ts';
import type { LineForms } from './line-forms.ts';
import { FRACTION_NS } from './line-header.ts';
import { newlineIn, textEnd } from './line-splitter.ts';
import {
  CARRIAGE_RETURN,
  CLOSE,
  COLON,
  DOT,
  EQUALS,
  GREATER,
  LESS,
  NEWLINE,
  OPEN,
  SPACE,
  TAB,
  ZERO,
} from './scan.ts';
import type { TextPositions } from './text-positions.ts';
import { NO_STACK, type TextReader } from './text-reader.ts';

/** Bytes that are read behind a line at most, before it is known where it ends. */
const READ_BEHIND = 64;

/** The upper half of kernel addresses has its first bit set, on kernels of 64 bits. */
const KERNEL_HIGH = 0x8000_0000;

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
  private readonly matcher: FormMatcher;
  /** The form of the last line with each header. */
  private readonly lastForms: (LineForm | undefined)[] = new Array(KNOWN_HEADERS);
  /** Addresses that {@link symbols} knows, found by their lower half. */
  private readonly known = new Uint32Array(2 * 8192);
  /** The time that {@link time} has read. */
  private timeNs = 0;
  /**
   * The first 8 bytes behind a header, which are the same for many lines: as the text, the seconds, and the digits of
   * their fraction that are among them.
   */
  private clockText = Number.NaN;
  private clockSeconds = 0;
  private clockFraction = 0;
  private clockDigits = 0;
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
    this.matcher = new FormMatcher(batch, symbols);
  }

  /** Takes the whole lines `[start, end)`, each with its end; byte 0 of `bytes` stands at `offset` of the text. */
  read(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const limit = Math.min(end, bytes.length - READ_BEHIND);
    const quickEnd = limit > start ? bytes.lastIndexOf(NEWLINE, limit - 1) + 1 : start;
    let at = start;
    while (at < quickEnd) {
      this.matcher.forgetMissed();
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
    const { reader, headers, matcher } = this;
    const header = headers.find(view, start);
    if (header < 0) {
      return reader.stackOf === NO_STACK ? UNKNOWN : this.frame(bytes, view, start);
    }
    let at = this.time(bytes, view, start + (headers.lengths[header] as number));
    if (at === UNKNOWN) return UNKNOWN;
    while (bytes[at] === SPACE) at++;
    const pid = headers.pids[header] as number;
    const flags = headers.flags[header] as number;
    if (pid !== reader.lastPid && headers.isNoted[header] === 0) return UNKNOWN;
    // The lines of a task often follow one another as they did before.
    const before = this.lastForms[header];
    const guess = before?.next;
    if (guess !== undefined) {
      const stop = matcher.match(guess, bytes, view, at, pid, flags);
      if (stop !== UNKNOWN) {
        this.take(guess, header, start, stop, offset);
        return stop + 1;
      }
    }
    // The name ends as the reader takes it to end: at a space, or at a colon before one.
    let nameEnd = at;
    let byte = bytes[nameEnd] as number;
    while (byte !== SPACE && byte !== NEWLINE && (byte !== COLON || bytes[nameEnd + 1] !== SPACE)) {
      byte = bytes[++nameEnd] as number;
    }
    if (nameEnd === at) return UNKNOWN;
    const forms = this.forms.of(view, at, nameEnd);
    for (let i = 0; i < forms.length; i++) {
      const form = forms[i] as LineForm;
      const stop = matcher.match(form, bytes, view, at, pid, flags);
      if (stop !== UNKNOWN) {
        if (before !== undefined) before.next = form;
        this.take(form, header, start, stop, offset);
        return stop + 1;
      }
    }
    return UNKNOWN;
  }

  /**
   * Reads the time behind a header, seconds and their fraction, up to the event behind it.
   *
   * @returns where that is, behind spaces perhaps, or {@link UNKNOWN}
   */
  private time(bytes: Uint8Array, view: DataView, headerEnd: number): number {
    let at = headerEnd;
    let seconds = this.clockSeconds;
    let fraction = this.clockFraction;
    let fractionAt = at + 8 - this.clockDigits;
    if (view.getFloat64(at, true) === this.clockText) {
      at += 8;
    } else {
      if (bytes[at] !== SPACE) return UNKNOWN;
      while (bytes[at] === SPACE) at++;
      const timeAt = at;
      seconds = 0;
      let digit = (bytes[at] as number) - ZERO;
      while (digit >>> 0 <= 9) {
        seconds = seconds * 10 + digit;
        digit = (bytes[++at] as number) - ZERO;
      }
      if (at === timeAt || at - timeAt > 9 || bytes[at] !== DOT) return UNKNOWN;
      fractionAt = ++at;
      fraction = 0;
      this.clockText = Number.NaN;
      for (; at < headerEnd + 8; at++) {
        digit = (bytes[at] as number) - ZERO;
        if (digit >>> 0 > 9) break;
        fraction = fraction * 10 + digit;
      }
      if (at === headerEnd + 8) {
        this.clockText = view.getFloat64(headerEnd, true);
        this.clockSeconds = seconds;
        this.clockFraction = fraction;
        this.clockDigits = at - fractionAt;
      }
    }
    let pair = DECIMAL_PAIRS[view.getUint16(at, true)] as number;
    while (pair >= 0 && at - fractionAt < 8) {
      fraction = fraction * 100 + pair;
      at += 2;
      pair = DECIMAL_PAIRS[view.getUint16(at, true)] as number;
    }
    const digit = (bytes[at] as number) - ZERO;
    if (digit >>> 0 <= 9) {
      fraction = fraction * 10 + digit;
      at++;
    }
    if (at - fractionAt > 9 || bytes[at] !== COLON || bytes[at + 1] !== SPACE) return UNKNOWN;
    this.timeNs = seconds * 1e9 + fraction * (FRACTION_NS[at - fractionAt] as number);
    return at + 2;
  }

  /** Does what the reader does for a line that it has understood. */
  private take(form: LineForm, header: number, start: number, stop: number, offset: number): void {
    const { reader, headers, batch, timeNs } = this;
    const { tally } = reader;
    this.lastForms[header] = form;
    const before = tally.lines++;
    const cpu = headers.cpus[header] as number;
    const pid = headers.pids[header] as number;
    const isPerf = headers.isPerf[header] === 1;
    reader.header.isPerf = isPerf;
    tally.count(cpu, timeNs, stop - start + 1);
    if (form.kind === undefined) {
      reader.stackOf = reader.ownerOfStack(cpu, pid, headers.flags[header] as number);
      return;
    }
    reader.lastPid = pid;
    const number = batch.push(cpu, timeNs, this.positions.of(offset + start, before), this.matcher.size);
    reader.stackOf = isPerf ? number : NO_STACK;
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
        const { places } = this.matcher;
        const index = places.find(view, at, end - at);
        if (index < 0) return this.matcher.miss(places, at, end);
        this.batch.addFrame(stackOf, places.highs[index] as number, places.lows[index] as number);
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

  /** Learns what the reader has shown of the line `[start, end)`, which it has just read. */
  private learn(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const { reader, forms, batch, matcher } = this;
    matcher.remember(bytes, view);
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
      form = builder.build(undefined, batch.words);
    } else if (bytes[nameEnd] === COLON) {
      // Written where the next record will be; nothing is kept of it.
      const { pid, flags } = header;
      const isUnderstood = kind.encode(bytes, reader.bodyAt, end, flags, pid, batch, builder);
      if (isUnderstood || kind.isFixed) form = builder.build(kind, batch.words.subarray(batch.start >> 2));
      if (form && !this.isProven(form, bytes, view, nameAt, kind.recordSize)) form = undefined;
    }
    forms.add(view, nameAt, nameEnd, form);
  }

  /** Whether a form gives the same record as the one of `size` bytes that was written of its line. */
  private isProven(form: LineForm, bytes: Uint8Array, view: DataView, nameAt: number, size: number): boolean {
    const { batch, matcher } = this;
    const { start } = batch;
    const record = batch.bytes.slice(start, start + size);
    const { pid, flags } = this.reader.header;
    let stop = UNKNOWN;
    do {
      matcher.forgetMissed();
      stop = matcher.match(form, bytes, view, nameAt, pid, flags);
    } while (stop === UNKNOWN && matcher.remember(bytes, view));
    return (
      stop !== UNKNOWN &&
      matcher.size === size &&
      Buffer.compare(record, batch.bytes.subarray(start, start + size)) === 0
    );
  }
}
