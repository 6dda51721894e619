import { DEFAULT_SUB_BUFFER, type KernelAbi } from './abi.ts';

/** `RB_MISSED_EVENTS` and `RB_MISSED_STORED`, kernel/trace/ring_buffer.c. */
const MISSED_EVENTS = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;

/** `type_len` values of an event header, include/linux/ring_buffer.h. */
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;

/** Largest payload that `type_len` can say; above, the length stands in a word of its own. */
const LARGEST_SMALL = 28 * 4;
/** What the 27 bits of a `time_delta` cannot hold. */
const DELTA_RANGE = 2 ** 27;
/** Bytes of a time extend or time stamp. */
const TIME_EXTEND = 8;

/** Bytes of whole sub-buffers that are handed out at once. */
const BATCH = 64 << 10;

/** Takes whole sub-buffers of a CPU; the bytes are overwritten when it returns. */
export type TakeSubBuffers = (cpu: number, subBuffers: Uint8Array) => void;

/**
 * The ring buffer of one CPU, written event by event as the kernel lays it out (kernel/trace/ring_buffer.c): deltas,
 * time extends where they are too long for one, absolute time stamps where time goes back.
 */
export class CpuRing {
  readonly cpu: number;
  /** Where {@link reserve} has made room. */
  readonly view: DataView;
  /** The same bytes as those of {@link view}. */
  readonly bytes: Uint8Array;
  private readonly littleEndian: boolean;
  private readonly longSize: 4 | 8;
  private readonly subBufferSize: number;
  private readonly dataOffset: number;
  private readonly take: TakeSubBuffers;
  /** Of the open sub-buffer in `bytes`; its events end at `at`. */
  private start = 0;
  private at: number;
  private end: number;
  private isEmpty = true;
  private clockNs = 0;
  /** Events missing before the open sub-buffer: a count, -1 for an unknown one, 0 for none. */
  private missed = 0;

  constructor(cpu: number, abi: KernelAbi, take: TakeSubBuffers, subBufferSize = DEFAULT_SUB_BUFFER) {
    this.cpu = cpu;
    this.littleEndian = abi.littleEndian;
    this.longSize = abi.longSize;
    this.subBufferSize = subBufferSize;
    this.take = take;
    this.bytes = new Uint8Array(Math.max(1, Math.floor(BATCH / subBufferSize)) * subBufferSize);
    this.view = new DataView(this.bytes.buffer);
    this.dataOffset = 8 + this.longSize;
    this.at = this.dataOffset;
    this.end = subBufferSize;
  }

  /**
   * Makes room for the data of an event, which the caller writes into {@link view}: it holds what was there before.
   *
   * @param timeNs whole nanoseconds
   * @param size bytes of data, from `common_type` on; the data of a record is followed by up to 3 bytes of padding
   * @returns offset in {@link view}, valid until the next call
   * @throws RangeError for an event that is larger than a sub-buffer
   */
  reserve(timeNs: number, size: number): number {
    const padded = (size + 3) & ~3;
    const isLarge = padded > LARGEST_SMALL || padded === 0;
    const header = isLarge ? 8 : 4;
    let delta = timeNs - this.clockNs;
    let extend = delta >= DELTA_RANGE || delta < 0 ? TIME_EXTEND : 0;
    // The count of missed events stands behind the last event.
    const room = this.end - (this.missed > 0 ? this.longSize : 0);
    if (this.isEmpty || this.at + extend + header + padded > room) {
      if (!this.isEmpty) this.close();
      this.open(timeNs);
      delta = 0;
      extend = 0;
      if (this.at + header + padded > this.end - (this.missed > 0 ? this.longSize : 0)) {
        throw new RangeError(`an event of ${size} bytes does not fit a sub-buffer of ${this.subBufferSize}`);
      }
    }
    if (extend > 0) {
      this.timeWord(delta < 0 ? TYPE_TIME_STAMP : TYPE_TIME_EXTEND, delta < 0 ? timeNs : delta);
      delta = 0;
    }
    this.header(isLarge ? 0 : padded >>> 2, delta);
    if (isLarge) this.word(padded + 4);
    const payload = this.at;
    this.at += padded;
    if (padded !== size) this.view.setUint32(this.at - 4, 0, this.littleEndian);
    this.clockNs = timeNs;
    this.isEmpty = false;
    return payload;
  }

  /** Says that events are missing here: `count` of them, or -1 where nobody counted. Begins a new sub-buffer. */
  lost(count: number): void {
    if (!this.isEmpty) this.close();
    if (count === 0) return;
    this.missed = count < 0 || this.missed < 0 ? -1 : this.missed + count;
  }

  /** Hands out what has been written, an unfinished sub-buffer included. */
  flush(): void {
    if (!this.isEmpty) this.close();
    if (this.start > 0) this.take(this.cpu, this.bytes.subarray(0, this.start));
    this.start = 0;
    this.isEmpty = true;
  }

  private open(timeNs: number): void {
    if (this.start === this.bytes.length) {
      this.take(this.cpu, this.bytes);
      this.start = 0;
    }
    this.at = this.start + this.dataOffset;
    this.end = this.start + this.subBufferSize;
    this.wide(this.start, timeNs);
    this.clockNs = timeNs;
  }

  private close(): void {
    let commit = this.at - this.start - this.dataOffset;
    let used = this.at;
    if (this.missed !== 0) commit += MISSED_EVENTS;
    if (this.missed > 0) {
      commit += MISSED_STORED;
      this.long(this.at, this.missed);
      used += this.longSize;
    }
    this.long(this.start + 8, commit);
    this.bytes.fill(0, used, this.end);
    this.start = this.end;
    this.missed = 0;
    this.isEmpty = true;
  }

  /** `time_delta` and the word behind it, together 59 bits. */
  private timeWord(type: number, value: number): void {
    this.header(type, value % DELTA_RANGE);
    this.word(Math.floor(value / DELTA_RANGE));
  }

  /** The first word of an event: `type_len` and `time_delta` are bit-fields, mirrored on big-endian machines. */
  private header(type: number, delta: number): void {
    this.word(this.littleEndian ? delta * 32 + type : type * DELTA_RANGE + delta);
  }

  private word(value: number): void {
    this.view.setUint32(this.at, value, this.littleEndian);
    this.at += 4;
  }

  private long(at: number, value: number): void {
    if (this.longSize === 8) this.wide(at, value);
    else this.view.setUint32(at, value, this.littleEndian);
  }

  private wide(at: number, value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    const low = value % 0x1_0000_0000;
    this.view.setUint32(at, this.littleEndian ? low : high, this.littleEndian);
    this.view.setUint32(at + 4, this.littleEndian ? high : low, this.littleEndian);
  }
}
