import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TraceError } from '../trace-error.ts';

/** A file opened for reading at any offset. Nothing is kept in memory. */
export class InputFile {
  readonly name: string;
  readonly size: number;
  private readonly fd: number;

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
    if (path === '-') return openStandardInput();
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw new TraceError(path, openProblem(error));
    }
    const stat = fstatSync(fd);
    if (stat.isDirectory()) {
      closeSync(fd);
      throw new TraceError(path, 'is a directory; name the trace.dat file in it');
    }
    if (!stat.isFile()) {
      const spooled = spool(fd, path);
      closeSync(fd);
      return spooled;
    }
    return new InputFile(path, fd, stat.size);
  }

  static fromDescriptor(name: string, fd: number): InputFile {
    return new InputFile(name, fd, fstatSync(fd).size);
  }

  /** Up to `length` bytes from `offset`: fewer where the file ends. */
  readUpTo(offset: number, length: number): Uint8Array {
    const available = Math.max(0, Math.min(length, this.size - offset));
    const bytes = new Uint8Array(available);
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

  close(): void {
    closeSync(this.fd);
  }
}

const SPOOL_BUFFER = 1 << 20;

function openStandardInput(): InputFile {
  const name = 'standard input';
  return fstatSync(0).isFile() ? InputFile.fromDescriptor(name, 0) : spool(0, name);
}

function spool(from: number, name: string): InputFile {
  const directory = mkdtempSync(join(tmpdir(), 'iommusan-'));
  const path = join(directory, 'input');
  const fd = openSync(path, 'w+', 0o600);
  rmSync(directory, { recursive: true });
  const buffer = new Uint8Array(SPOOL_BUFFER);
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    let count: number;
    try {
      count = readSync(from, buffer, 0, buffer.length, null);
    } catch (error) {
      // A pipe that another process made non-blocking: wait for its writer.
      if (errorCode(error) !== 'EAGAIN') throw new TraceError(name, openProblem(error));
      Atomics.wait(sleep, 0, 0, 10);
      continue;
    }
    if (count === 0) return InputFile.fromDescriptor(name, fd);
    for (let done = 0; done < count; ) done += writeSync(fd, buffer, done, count - done);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function openProblem(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user; check its permissions';
    case 'EISDIR':
      return 'is a directory; name the trace.dat file in it';
    default:
      return `cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}
