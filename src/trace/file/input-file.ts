import { closeSync, fstatSync, readSync } from 'node:fs';
import { TraceError } from '../trace-error.ts';
import { type Descriptor, openDescriptor, readNext } from './open-descriptor.ts';
import { openSpool, writeWhole } from './spool.ts';
import { unfilled } from './unfilled.ts';

/** Bytes that {@link InputFile.pieces} reads at once. */
const PIECE = 128 << 10;

/** A file opened for reading at any offset. Nothing is kept in memory. */
export class InputFile {
  readonly name: string;
  readonly size: number;
  private readonly fd: number;
  private isOpen = true;

  private constructor(name: string, fd: number, size: number) {
    this.name = name;
    this.fd = fd;
    this.size = size;
  }

  /**
   * Opens `path`; `-` is standard input, which is copied to an unlinked temporary file when it is a pipe, because
   * a trace.dat is read at several places.
   *
   * @throws {@link TraceError} for a missing file, a directory, or anything else that cannot be opened
   */
  static open(path: string): InputFile {
    const descriptor = openDescriptor(path);
    return descriptor.size === undefined
      ? spooled(descriptor)
      : new InputFile(descriptor.name, descriptor.fd, descriptor.size);
  }

  static fromDescriptor(name: string, fd: number): InputFile {
    return new InputFile(name, fd, fstatSync(fd).size);
  }

  /** For other threads of the process, which read it as well. */
  get descriptor(): number {
    return this.fd;
  }

  /** Up to `length` bytes from `offset`: fewer where the file ends. They are read into `buffer` where that has room. */
  readUpTo(offset: number, length: number, buffer?: Uint8Array): Uint8Array {
    const available = Math.max(0, Math.min(length, this.size - offset));
    const bytes = buffer && buffer.length >= available ? buffer.subarray(0, available) : unfilled(available);
    let done = 0;
    while (done < available) {
      const count = readSync(this.fd, bytes, done, available - done, offset + done);
      if (count === 0) return bytes.subarray(0, done);
      done += count;
    }
    return bytes;
  }

  /** Exactly `length` bytes; `what` names them in the error. */
  read(offset: number, length: number, what: string): Uint8Array {
    if (!(length >= 0) || offset + length > this.size) {
      throw new TraceError(
        this.name,
        `${what} should be ${length} bytes long, but the file ends after ${this.size} bytes; it is cut short or damaged`,
        offset,
      );
    }
    const bytes = this.readUpTo(offset, length);
    if (bytes.length < length) throw new TraceError(this.name, `${what} could not be read whole`, offset);
    return bytes;
  }

  /** The bytes of a part, piece by piece, as far as the file has them. Each is valid until the next is asked for. */
  *pieces(offset: number, length: number): Generator<Uint8Array> {
    const buffer = unfilled(Math.min(PIECE, length));
    for (const end = offset + length; offset < end; ) {
      const bytes = this.readUpTo(offset, Math.min(PIECE, end - offset), buffer);
      if (bytes.length === 0) return;
      offset += bytes.length;
      yield bytes;
    }
  }

  /** May be called twice. */
  close(): void {
    if (this.isOpen) closeSync(this.fd);
    this.isOpen = false;
  }
}

/** Bytes that are copied at once. */
const SPOOL_BUFFER = 1 << 20;

function spooled(from: Descriptor): InputFile {
  const fd = openSpool();
  const buffer = new Uint8Array(SPOOL_BUFFER);
  for (;;) {
    const count = readNext(from, buffer);
    if (count === 0) break;
    writeWhole(fd, buffer.subarray(0, count));
  }
  if (from.fd !== 0) closeSync(from.fd);
  return InputFile.fromDescriptor(from.name, fd);
}
