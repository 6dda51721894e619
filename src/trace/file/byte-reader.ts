import { TraceError } from '../trace-error.ts';
import { latin1 } from './latin1.ts';

/** Reads numbers and strings one after the other from bytes that are not trusted: every length is checked first. */
export class ByteReader {
  offset = 0;
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  private readonly file: string;
  /** Offset in the file of the first byte, for messages. */
  readonly base: number;
  private readonly what: string;

  constructor(bytes: Uint8Array, littleEndian: boolean, file: string, base: number, what: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = littleEndian;
    this.file = file;
    this.base = base;
    this.what = what;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), this.littleEndian);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), this.littleEndian);
  }

  /** A length or an offset: values above 2^53 are refused, no file is that large. */
  u64(): number {
    const at = this.take(8);
    const first = this.view.getUint32(at, this.littleEndian);
    const second = this.view.getUint32(at + 4, this.littleEndian);
    const value = this.littleEndian ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
    if (value > Number.MAX_SAFE_INTEGER) {
      throw new TraceError(
        this.file,
        `${this.what} holds a length or offset of ${value} bytes, which is no size of a file; the file is damaged`,
        this.base + at,
      );
    }
    return value;
  }

  /** All bits of 8 bytes, in hexadecimal. */
  hex64(): string {
    const value = this.view.getBigUint64(this.take(8), this.littleEndian);
    return value.toString(16).padStart(16, '0');
  }

  /** Text up to a NUL byte, which is skipped. */
  cstring(): string {
    const end = this.bytes.indexOf(0, this.offset);
    if (end < 0) this.fail('a NUL-terminated string');
    const text = latin1(this.bytes.subarray(this.offset, end));
    this.offset = end + 1;
    return text;
  }

  /** The next `length` bytes, not copied. */
  slice(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  private take(length: number): number {
    if (!(length >= 0) || length > this.remaining) this.fail(`${length} more bytes`);
    const at = this.offset;
    this.offset += length;
    return at;
  }

  private fail(expected: string): never {
    throw new TraceError(
      this.file,
      `${this.what} ends after ${this.bytes.length} bytes where ${expected} should follow; the file is cut short or damaged`,
      this.base + this.offset,
    );
  }
}
