import { CARRIAGE_RETURN, NEWLINE } from './scan.ts';

/** Bytes of a line at most: beyond, a text is none. */
const LONGEST_LINE = 1 << 20;

/**
 * Called for the whole lines in `[start, end)`, each with its end, which only the last line of a text and one that is
 * too long may lack. Byte 0 of `bytes` stands at `offset` of the input.
 */
export type LinesListener = (bytes: Uint8Array, start: number, end: number, offset: number) => void;

/** Finds the whole lines in a text that comes in chunks. */
export class LineSplitter {
  private readonly onLines: LinesListener;
  /** The beginning of a line whose end has not come yet, and where in the input it stands. */
  private rest: Uint8Array = new Uint8Array(0);
  private offset = 0;

  constructor(onLines: LinesListener) {
    this.onLines = onLines;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    if (this.rest.length > 0) {
      start = chunk.indexOf(NEWLINE) + 1 || chunk.length;
      const line = Buffer.concat([this.rest, chunk.subarray(0, start)]);
      if (line[line.length - 1] !== NEWLINE) {
        this.keep(line);
        return;
      }
      this.tell(line, 0, line.length);
    }
    const end = Math.max(chunk.lastIndexOf(NEWLINE) + 1, start);
    if (end > start) this.tell(chunk, start, end);
    // Copied, so that the chunk can go.
    this.keep(chunk.slice(end));
  }

  /** The last line may lack its end. */
  finish(): void {
    if (this.rest.length > 0) this.tell(this.rest, 0, this.rest.length);
    this.rest = new Uint8Array(0);
  }

  private keep(rest: Uint8Array): void {
    this.rest = rest;
    if (rest.length > LONGEST_LINE) this.finish();
  }

  private tell(bytes: Uint8Array, start: number, end: number): void {
    this.onLines(bytes, start, end, this.offset - start);
    this.offset += end - start;
  }
}

/** The end of the line at `at`, where its newline is; `end` if it has none. */
export function newlineIn(bytes: Uint8Array, at: number, end: number): number {
  const stop = bytes.indexOf(NEWLINE, at);
  return stop < 0 || stop > end ? end : stop;
}

/** The end of the text of a line that ends at `stop`, without the mark that other systems put before a newline. */
export function textEnd(bytes: Uint8Array, start: number, stop: number): number {
  return stop > start && bytes[stop - 1] === CARRIAGE_RETURN ? stop - 1 : stop;
}
