import { closeSync, openSync, writeSync } from 'node:fs';

/** Bytes that are collected before they are written. */
const BUFFER = 256 << 10;

/** Where the pieces of an output go, one behind the other: a file, or standard output. */
export class Output {
  private readonly fd: number;
  private readonly buffer = new Uint8Array(BUFFER);
  private used = 0;

  /** @param path `-` is standard output */
  constructor(path: string) {
    this.fd = path === '-' ? 1 : openSync(path, 'w');
  }

  text(text: string): void {
    this.bytes(Buffer.from(text));
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length > BUFFER - this.used) this.flush();
    if (bytes.length > BUFFER) writeWhole(this.fd, bytes);
    else {
      this.buffer.set(bytes, this.used);
      this.used += bytes.length;
    }
  }

  close(): void {
    this.flush();
    if (this.fd !== 1) closeSync(this.fd);
  }

  private flush(): void {
    writeWhole(this.fd, this.buffer.subarray(0, this.used));
    this.used = 0;
  }
}

const sleep = new Int32Array(new SharedArrayBuffer(4));

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      // A pipe that is full, and that somebody made non-blocking: its reader is slow.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(sleep, 0, 0, 10);
    }
  }
}
