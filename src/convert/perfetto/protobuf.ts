/** Wire types, protobuf.dev/programming-guides/encoding. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

/** Writes the fields of one protobuf message. */
export class ProtoMessage {
  private bytes = new Uint8Array(128);
  private used = 0;

  /** A whole number of 0 to 2^53. */
  uint(field: number, value: number): this {
    this.tag(field, VARINT);
    return this.varint(value);
  }

  /** A whole number that may be negative, as `int32` and `int64` are encoded: ten bytes where it is. */
  int(field: number, value: number): this {
    if (value >= 0) return this.uint(field, value);
    this.tag(field, VARINT);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest));
    return this;
  }

  fixed64(field: number, value: number): this {
    this.tag(field, FIXED64);
    for (let i = 0, rest = value; i < 8; i++, rest = Math.floor(rest / 256)) this.byte(rest % 256);
    return this;
  }

  string(field: number, text: string): this {
    return this.data(field, Buffer.from(text, 'utf8'));
  }

  message(field: number, message: ProtoMessage): this {
    return this.data(field, message.finish());
  }

  /** The bytes so far, valid until more is written. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }

  private data(field: number, bytes: Uint8Array): this {
    this.tag(field, LENGTH_DELIMITED);
    this.varint(bytes.length);
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.used);
    this.used += bytes.length;
    return this;
  }

  private tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  private varint(value: number): this {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 0x80);
    this.byte(rest);
    return this;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.used++] = value;
  }

  private reserve(count: number): void {
    if (this.used + count <= this.bytes.length) return;
    const more = new Uint8Array((this.used + count) * 2);
    more.set(this.bytes);
    this.bytes = more;
  }
}
