import { unfilled } from '../file/unfilled.ts';
import { signedAddress } from './address.ts';
import { lineAddress, SortedLines, startOfModules } from './kallsyms-text.ts';

const NEWLINE = 10;

/**
 * The text of `/proc/kallsyms` as it passes by: read up to the address that is looked for, and only its end kept. Some MB of text then cost the memory of a part of them; a page of it that is touched for the
 * first time costs more than reading it does.
 *
 * Only the kernel's own symbols are looked at, which come sorted and before those of modules.
 */
export class PassingText {
  private readonly pieces: Iterator<Uint8Array>;
  private readonly room: number;
  private kept: Uint8Array = new Uint8Array(0);
  private length = 0;
  /** Of the first whole line that is kept, and of the byte behind the last. */
  private start = 0;
  private stop = 0;
  private isBeginning = true;
  /** What is kept is a piece itself, which goes when the next is asked for. */
  private isLent = false;
  private isAtEnd = false;
  /** Of the last whole line. */
  private lastAddress = 0;

  /** @param room bytes of the text that are kept; when they are full, the first half is pushed out */
  constructor(pieces: Iterator<Uint8Array>, room = 320 << 10) {
    this.pieces = pieces;
    this.room = room;
  }

  /**
   * Whole lines of the text, of which one is at or below an address and another above it.
   *
   * @returns `undefined` where there are none: the address has passed, or is none of the kernel's own
   */
  around(high: number, low: number): Uint8Array | undefined {
    const address = signedAddress(high, low);
    while (!this.isAtEnd && !isBelow(address, this.lastAddress)) this.read();
    if (this.stop === this.start || !isBelow(address, this.lastAddress)) return undefined;
    const text = this.kept.subarray(this.start, this.stop);
    const lines = new SortedLines(text, 0, text.length);
    // Of several symbols at one address the first is meant: of those at the first address it may have passed.
    const first = this.isBeginning ? 0 : lines.above(0);
    if (first < 0 || isBelow(address, lineAddress(text, first))) return undefined;
    return startOfModules(text) === text.length && lines.looksSorted() ? text : undefined;
  }

  /** No more will be read. */
  end(): void {
    this.isAtEnd = true;
    this.pieces.return?.();
  }

  private read(): void {
    if (this.isLent) this.makeRoom(0);
    const next = this.pieces.next();
    if (next.done) {
      this.isAtEnd = true;
      return;
    }
    this.keep(next.value);
    let stop = this.kept.lastIndexOf(NEWLINE, this.length - 1) + 1;
    if (stop <= this.start) return;
    if (startOfModules(this.lastLine(stop)) === 0) {
      // The kernel's own symbols end here.
      this.isAtEnd = true;
      stop = this.start + startOfModules(this.kept.subarray(this.start, stop));
      if (stop <= this.stop) return;
    }
    const address = lineAddress(this.lastLine(stop), 0);
    // In a text that is damaged, nothing is certain without the rest.
    if (isBelow(address, this.lastAddress)) {
      this.isAtEnd = true;
      return;
    }
    this.stop = stop;
    this.lastAddress = address;
  }

  /** The line that ends before `stop`. */
  private lastLine(stop: number): Uint8Array {
    const before = stop < 2 ? -1 : this.kept.lastIndexOf(NEWLINE, stop - 2);
    return this.kept.subarray(Math.max(before + 1, this.start), stop);
  }

  private keep(piece: Uint8Array): void {
    if (this.length === 0 && piece.length > this.room) {
      this.kept = piece;
      this.isLent = true;
    } else {
      if (this.length + piece.length > this.kept.length) this.makeRoom(piece.length);
      this.kept.set(piece, this.length);
    }
    this.length += piece.length;
  }

  /** Lets the first part of the text go, so that there is room for `bytes` more. */
  private makeRoom(bytes: number): void {
    const half = this.room >>> 1;
    const from = Math.max(0, this.length - half);
    const before = this.kept;
    if (this.isLent || before.length < half + bytes) {
      this.kept = unfilled(Math.max(this.room, half + bytes));
      this.isLent = false;
    }
    this.kept.set(before.subarray(from, this.length));
    this.length -= from;
    if (from === 0) return;
    this.isBeginning = false;
    this.start = this.kept.indexOf(NEWLINE) + 1;
    this.stop = Math.max(this.start, this.stop - from);
  }
}

/** The order of addresses in the text, which goes by unsigned ones: what is negative comes last. */
function isBelow(a: number, b: number): boolean {
  return a < 0 === b < 0 ? a < b : a >= 0;
}
