import { latin1 } from '../file/latin1.ts';
import { addressOrder, signedAddress } from './address.ts';

const NEWLINE = 10;
const SPACE = 32;
/** A line of `/proc/kallsyms`: `ADDRESS TYPE NAME[\t[MODULE]]`. */
export interface KallsymsLine {
  readonly name: string;
  readonly module: string | undefined;
}

/** Address of the line last looked at by {@link parseAddress}, as two halves: one pair for all, read at once. */
const address = { high: 0, low: 0 };

/** Reads the address that a line begins with; `false` for a line that is none of kallsyms. */
function parseAddress(text: Uint8Array, at: number, end: number): boolean {
  let high = 0;
  let low = 0;
  const start = at;
  for (; at < end; at++) {
    const digit = hexDigit(text[at] as number);
    if (digit < 0) break;
    high = ((high << 4) | (low >>> 28)) >>> 0;
    low = ((low << 4) | digit) >>> 0;
  }
  address.high = high;
  address.low = low;
  return at > start && at + 3 < end && text[at] === SPACE && text[at + 2] === SPACE;
}

/** Name and module of the line at `offset`. */
export function parseLine(text: Uint8Array, offset: number): KallsymsLine {
  const newline = text.indexOf(NEWLINE, offset);
  const line = latin1(text.subarray(offset, newline < 0 ? text.length : newline));
  const nameStart = line.indexOf(' ', line.indexOf(' ') + 1) + 1;
  const tab = line.indexOf('\t', nameStart);
  if (tab < 0) return { name: line.slice(nameStart), module: undefined };
  return { name: line.slice(nameStart, tab), module: /\[([^[\]]+)\]/.exec(line.slice(tab))?.[1] };
}

/** A part of the text whose lines ascend by address: searched without being scanned. */
export class SortedLines {
  private readonly text: Uint8Array;
  private readonly start: number;
  private readonly end: number;

  constructor(text: Uint8Array, start: number, end: number) {
    this.text = text;
    this.start = start;
    this.end = end;
  }

  /** Offset of the last line at or below the address, or -1; of several at one address, the first. */
  floor(high: number, low: number): number {
    let below = -1;
    let from = this.start;
    let to = this.end;
    while (from < to) {
      const middle = this.lineAround((from + to) >>> 1, from);
      const line = this.symbolFrom(middle, to);
      if (line < to && addressOrder(address.high, address.low, high, low) <= 0) {
        below = line;
        from = this.after(line);
      } else {
        to = middle;
      }
    }
    return below < 0 ? -1 : this.firstOfEqual(below);
  }

  /** Offset of the first line above the address of the line at `line`, or -1. */
  above(line: number): number {
    parseAddress(this.text, line, this.end);
    const { high, low } = address;
    for (let next = this.after(line); next < this.end; next = this.after(next)) {
      if (!parseAddress(this.text, next, this.end)) continue;
      if (addressOrder(address.high, address.low, high, low) > 0) return next;
    }
    return -1;
  }

  /** Offset of the first symbol, or -1. */
  first(): number {
    const line = this.symbolFrom(this.start, this.end);
    return line < this.end ? line : -1;
  }

  /** Whether a sample of the lines ascends: what a search needs, and what only a damaged file lacks. */
  looksSorted(): boolean {
    let high = 0;
    let low = 0;
    for (let i = 0; i < SORT_SAMPLES; i++) {
      const at = this.start + Math.floor(((this.end - this.start) * i) / SORT_SAMPLES);
      if (at >= this.end || !parseAddress(this.text, this.lineAround(at, this.start), this.end)) return false;
      if (addressOrder(address.high, address.low, high, low) < 0) return false;
      ({ high, low } = address);
    }
    return true;
  }

  private firstOfEqual(line: number): number {
    parseAddress(this.text, line, this.end);
    const { high, low } = address;
    for (;;) {
      if (line <= this.start) return line;
      const before = this.lineAround(line - 1, this.start);
      if (!parseAddress(this.text, before, this.end)) return line;
      if (address.high !== high || address.low !== low) return line;
      line = before;
    }
  }

  /** The line at `line` or the first behind it that is a symbol, which {@link address} is set to; `end` for none. */
  private symbolFrom(line: number, end: number): number {
    while (line < end && !parseAddress(this.text, line, this.end)) line = this.after(line);
    return line;
  }

  /** Start of the line that holds the byte at `at`. */
  private lineAround(at: number, from: number): number {
    if (at <= from) return from;
    const newline = this.text.lastIndexOf(NEWLINE, at - 1);
    return newline < from ? from : newline + 1;
  }

  private after(line: number): number {
    const newline = this.text.indexOf(NEWLINE, line);
    return newline < 0 || newline >= this.end ? this.end : newline + 1;
  }
}

const SORT_SAMPLES = 64;

/** Addresses and lines of a part of the text, sorted: for the symbols of modules, which come in the order of loading. */
export function scanLines(
  text: Uint8Array,
  start: number,
  end: number,
): { addresses: Float64Array; lines: Uint32Array } {
  const found: { address: number; line: number }[] = [];
  for (let line = start; line < end; ) {
    if (parseAddress(text, line, end)) {
      found.push({ address: signedAddress(address.high, address.low), line });
    }
    const newline = text.indexOf(NEWLINE, line);
    line = newline < 0 ? end : newline + 1;
  }
  found.sort((a, b) => a.address - b.address || a.line - b.line);
  return {
    addresses: Float64Array.from(found, entry => entry.address),
    lines: Uint32Array.from(found, entry => entry.line),
  };
}

/** The signed address of the line at `offset`, see {@link signedAddress}. */
export function lineAddress(text: Uint8Array, offset: number): number {
  parseAddress(text, offset, text.length);
  return signedAddress(address.high, address.low);
}

/** Offset of the first line that names a module, or the length of the text. */
export function startOfModules(text: Uint8Array): number {
  const buffer = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const tab = buffer.indexOf('\t[');
  return tab < 0 ? text.length : buffer.lastIndexOf(NEWLINE, tab) + 1;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return -1;
}
