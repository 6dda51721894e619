import { TraceError } from '../trace-error.ts';
import type { InputFile } from './input-file.ts';
import { unfilled } from './unfilled.ts';

/** Bytes read from the file at once: a dozen chunks as trace-cmd compresses them. */
const WINDOW = 64 << 10;

/** Reads a file in small pieces, one behind the other, with few system calls. */
export class ReadAhead {
  private readonly file: InputFile;
  private readonly buffer = unfilled(WINDOW);
  private window: Uint8Array = new Uint8Array(0);
  private start = 0;

  constructor(file: InputFile) {
    this.file = file;
  }

  /** Exactly `length` bytes from `offset`, valid until the next call; `what` names them in the error. */
  read(offset: number, length: number, what: string): Uint8Array {
    const at = offset - this.start;
    if (at >= 0 && at + length <= this.window.length) return this.window.subarray(at, at + length);
    if (offset + length > this.file.size) return this.file.read(offset, length, what);
    this.window = this.file.readUpTo(offset, Math.max(length, WINDOW), this.buffer);
    this.start = offset;
    if (this.window.length < length) {
      throw new TraceError(this.file.name, `${what} could not be read whole`, offset);
    }
    return this.window.subarray(0, length);
  }
}
