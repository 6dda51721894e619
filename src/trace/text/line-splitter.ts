import { NEWLINE } from './scan.ts';

/** Bytes of a line at most: beyond, a text is none. */
const LONGEST_LINE = 1 << 20;

const CARRIAGE_RETURN = 13;

/** Called for each line `[start, end)`, which begins at byte `offset` of the input. */
export type LineListener = (bytes: Uint8Array, start: number, end: number, offset: number) => void;

/** Cuts a text that comes in chunks into lines. */
export class LineSplitter {
  private readonly onLine: LineListener;
  /** The beginning of a line whose end has not come yet, and where in the input it stands. */
  private rest: Uint8Array = new Uint8Array(0);
  private offset = 0;

  constructor(onLine: LineListener) {
    this.onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.line(bytes, start, end);
      start = end + 1;
    }
    if (bytes.length - start > LONGEST_LINE) {
      this.line(bytes, start, bytes.length);
      start = bytes.length;
    }
    this.offset += start;
    // Copied, so that the chunk can go.
    this.rest = bytes.slice(start);
  }

  /** The last line may lack its end. */
  finish(): void {
    if (this.rest.length > 0) this.line(this.rest, 0, this.rest.length);
    this.rest = new Uint8Array(0);
  }

  private line(bytes: Uint8Array, start: number, end: number): void {
    const hasReturn = end > start && bytes[end - 1] === CARRIAGE_RETURN;
    this.onLine(bytes, start, hasReturn ? end - 1 : end, this.offset + start);
  }
}
