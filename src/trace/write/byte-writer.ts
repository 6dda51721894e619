/** Writes numbers and texts one after the other, in the byte order of a machine. */
export class ByteWriter {
  private bytes = new Uint8Array(4096);
  private readonly littleEndian: boolean;
  private used = 0;

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian;
  }

  get length(): number {
    return this.used;
  }

  u8(value: number): this {
    this.view(1).setUint8(0, value);
    return this;
  }

  u16(value: number): this {
    this.view(2).setUint16(0, value, this.littleEndian);
    return this;
  }

  u32(value: number): this {
    this.view(4).setUint32(0, value, this.littleEndian);
    return this;
  }

  u64(value: number | bigint): this {
    this.view(8).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), this.littleEndian);
    return this;
  }

  put(bytes: Uint8Array): this {
    const { buffer, byteOffset } = this.view(bytes.length);
    new Uint8Array(buffer, byteOffset, bytes.length).set(bytes);
    return this;
  }

  text(text: string): this {
    return this.put(Buffer.from(text, 'latin1'));
  }

  cstring(text: string): this {
    return this.text(`${text}\0`);
  }

  /** Zeros up to a multiple of `step`. */
  align(step: number): this {
    this.view((step - (this.used % step)) % step);
    return this;
  }

  /** Overwrites 8 bytes that were written before, for what was not known then. */
  patchU64(at: number, value: number): void {
    new DataView(this.bytes.buffer).setBigUint64(at, BigInt(value), this.littleEndian);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.used);
  }

  /** A view of the next `size` bytes, which are taken. */
  private view(size: number): DataView {
    if (this.used + size > this.bytes.length) {
      const more = new Uint8Array((this.used + size) * 2);
      more.set(this.bytes);
      this.bytes = more;
    }
    this.used += size;
    return new DataView(this.bytes.buffer, this.used - size, size);
  }
}
