import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** Bytes that are collected before they are written. */
const BUFFER = 1 << 20;

/** A file that is written from its beginning to its end, and patched where something was not known in time. */
export class OutputFile {
  readonly path: string;
  private readonly fd: number;
  private readonly buffer = new Uint8Array(BUFFER);
  private used = 0;
  private written = 0;

  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, 'w+', 0o644);
  }

  /** Offset at which the next byte will stand. */
  get length(): number {
    return this.written + this.used;
  }

  put(bytes: Uint8Array): void {
    if (bytes.length > BUFFER - this.used) this.flush();
    if (bytes.length > BUFFER) {
      this.writeAt(bytes, this.written);
      this.written += bytes.length;
    } else {
      this.buffer.set(bytes, this.used);
      this.used += bytes.length;
    }
  }

  /** Zeros up to a multiple of `step`. */
  align(step: number): void {
    const rest = this.length % step;
    if (rest > 0) this.put(new Uint8Array(step - rest));
  }

  /** Overwrites bytes that were put before. */
  patch(offset: number, bytes: Uint8Array): void {
    this.flush();
    this.writeAt(bytes, offset);
  }

  /** Hands everything to the kernel: what was put before survives the end of this process, however it comes. */
  flush(): void {
    this.writeAt(this.buffer.subarray(0, this.used), this.written);
    this.written += this.used;
    this.used = 0;
  }

  /** Bytes that were put before and are flushed. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = readSync(this.fd, bytes, done, length - done, offset + done);
      if (count === 0) throw new Error(`${this.path} became shorter while it was written`);
      done += count;
    }
    return bytes;
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }

  /** Closes without writing what is left. */
  abandon(): void {
    closeSync(this.fd);
  }

  private writeAt(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.fd, bytes, done, bytes.length - done, offset + done);
    }
  }
}
