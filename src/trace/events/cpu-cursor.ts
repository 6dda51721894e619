import type { PageLayout } from '../dat/metadata.ts';
import { wordsOf } from './words.ts';

/** `RB_MISSED_EVENTS` and `RB_MISSED_STORED` in the commit word of a sub-buffer, kernel/trace/ring_buffer.c. */
const MISSED_EVENTS = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;
const COMMIT_MASK = 0x3fff_ffff;

/** `type_len` values of a ring-buffer event header, include/linux/ring_buffer.h. */
const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;

/** Bytes of `struct trace_entry`, which every record begins with. */
const SMALLEST_RECORD = 8;

/** Bytes of the header of a record. */
const HEADER = 4;

/** Upper part of a time extend or time stamp: `array[0] << 27`, as a multiplication because it exceeds 32 bits. */
const DELTA_RANGE = 1 << 27;

/** No events are missing before the current one. */
export const NOTHING_LOST = 0;
/** Events are missing, and the kernel did not count them. */
export const LOST_UNCOUNTED = -1;

/** Where the sub-buffers of one CPU come from, a chunk at a time. */
export interface ChunkSource {
  /** The current chunk: whole sub-buffers, the last one perhaps cut short. */
  readonly bytes: Uint8Array;
  /** Of the first byte of {@link bytes}, see `Positions`. */
  readonly position: number;
  /** Bytes of the input that were consumed so far. */
  readonly consumed: number;
  /** Moves to the next chunk; `false` where there is none. */
  next(): boolean;
  /** Takes note of a part of the current chunk that cannot be read. */
  damaged(message: string): void;
}

/**
 * Walks the events of one CPU in the order of the ring buffer, a sub-buffer at a time: {@link enterSubBuffer} finds the
 * records in the next one, and leaves their times and places in columns. Nothing is made per event.
 *
 * The format is that of `struct buffer_data_page` and `struct ring_buffer_event`
 * (include/linux/ring_buffer_types.h, include/linux/ring_buffer.h, kernel/trace/ring_buffer.c).
 */
export class CpuCursor {
  readonly cpu: number;
  /** The chunk that holds the sub-buffer, see {@link wordsOf}. The chunk before it stays valid, no longer. */
  view: DataView = new DataView(new ArrayBuffer(0));
  words: Uint32Array = new Uint32Array(0);
  /** Of the first byte of {@link view}, see `Positions`. */
  chunkPosition = 0;

  /** Events of the sub-buffer, and which of them is the current one. */
  count = 0;
  index = 0;
  /** Of each event of the sub-buffer: when it happened. */
  timesNs = new Float64Array(0);
  /** The offset in {@link view} of its data, where `common_type` is, and how many bytes these are with padding. */
  payloads = new Int32Array(0);
  payloadSizes = new Int32Array(0);
  /** Time of the current event. */
  timeNs = 0;
  /** Events missing before the sub-buffer: a count, {@link NOTHING_LOST} or {@link LOST_UNCOUNTED}. */
  lost = NOTHING_LOST;

  /** Events found so far, those of the sub-buffer included, the time of the last one, and the bytes of their data. */
  events = 0;
  lastNs = 0;
  bytes = 0;

  private readonly reader: ChunkSource;
  private readonly layout: PageLayout;
  private readonly subBufferSize: number;
  private readonly littleEndian: boolean;
  private nextSubBuffer = 0;
  /** Events missing behind those of the sub-buffer, as {@link lost}. */
  private lostBehind = NOTHING_LOST;

  constructor(
    cpu: number,
    reader: ChunkSource,
    layout: PageLayout,
    subBufferSize: number,
    littleEndian: boolean,
  ) {
    this.cpu = cpu;
    this.reader = reader;
    this.layout = layout;
    this.subBufferSize = subBufferSize;
    this.littleEndian = littleEndian;
  }

  /** Bytes of the file consumed so far. */
  get consumed(): number {
    return this.reader.consumed;
  }

  /** Makes the event at `index` of the sub-buffer the current one. */
  moveTo(index: number): void {
    this.index = index;
    this.timeNs = this.timesNs[index] as number;
  }

  /** Steps into the next sub-buffer that holds events, and to its first one; `false` at the end. */
  enterSubBuffer(): boolean {
    this.lost = NOTHING_LOST;
    this.count = 0;
    while (this.count === 0) {
      this.lost = together(this.lost, this.lostBehind);
      this.lostBehind = NOTHING_LOST;
      if (this.nextSubBuffer + this.layout.dataOffset > this.view.byteLength) {
        if (!this.enterChunk()) return false;
      } else {
        const start = this.nextSubBuffer;
        this.nextSubBuffer = start + this.subBufferSize;
        this.readSubBuffer(start, Math.min(this.nextSubBuffer, this.view.byteLength));
      }
    }
    this.events += this.count;
    this.lastNs = this.timesNs[this.count - 1] as number;
    this.moveTo(0);
    return true;
  }

  private enterChunk(): boolean {
    if (!this.reader.next()) return false;
    const { bytes } = this.reader;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.words = wordsOf(bytes, this.littleEndian);
    this.chunkPosition = this.reader.position;
    this.nextSubBuffer = 0;
    const most = Math.ceil(Math.min(this.subBufferSize, bytes.length) / (HEADER + SMALLEST_RECORD));
    if (most > this.timesNs.length) {
      this.timesNs = new Float64Array(most);
      this.payloads = new Int32Array(most);
      this.payloadSizes = new Int32Array(most);
    }
    return true;
  }

  /** Reads the header of the sub-buffer at `start`, which ends at `limit`, and finds its records. */
  private readSubBuffer(start: number, limit: number): void {
    const { layout, littleEndian: le } = this;
    const commitAt = start + layout.commitOffset;
    // The flags are in the low 32 bits, also where commit is a 64-bit long.
    const commit = this.view.getUint32(!le && layout.commitSize === 8 ? commitAt + 4 : commitAt, le);
    const committed = commit & COMMIT_MASK;
    const data = start + layout.dataOffset;
    if (commit & MISSED_EVENTS) {
      const stored = data + committed;
      const counted = (commit & MISSED_STORED) !== 0 && stored + layout.commitSize <= limit;
      const count = counted ? this.long(stored) : LOST_UNCOUNTED;
      this.lost = together(this.lost, count > 0 ? count : LOST_UNCOUNTED);
    }
    if (data + committed > limit) {
      this.reader.damaged(
        `a sub-buffer claims ${committed} bytes of events, ${data + committed - limit} more than there are; the file is cut short or damaged`,
      );
    }
    this.findRecords(data, Math.min(data + committed, limit), this.wide(start + layout.timestampOffset));
  }

  /** Finds the records between two offsets, from a time on. */
  private findRecords(start: number, end: number, startNs: number): void {
    const { words, timesNs, payloads, payloadSizes, littleEndian: le } = this;
    let count = 0;
    let clockNs = startNs;
    let at = start;
    while (at + HEADER <= end) {
      const header = words[at >> 2] as number;
      const type = le ? header & 31 : header >>> 27;
      const delta = le ? header >>> 5 : header & 0x7ff_ffff;
      let payload = at + HEADER;
      let size = type * 4;
      if (type === 0 || type >= TYPE_PADDING) {
        if (type === TYPE_PADDING && delta === 0) break;
        if (payload + 4 > end) {
          this.damaged('an event header is cut', end - at);
          break;
        }
        const word = words[payload >> 2] as number;
        if (type === TYPE_TIME_EXTEND || type === TYPE_TIME_STAMP) {
          clockNs = word * DELTA_RANGE + delta + (type === TYPE_TIME_EXTEND ? clockNs : 0);
          at += 8;
          continue;
        }
        if (type === TYPE_PADDING) {
          // A discarded event. Its delta is forced to 1 where it had none (rb_event_discard).
          if (payload + word > end) {
            this.damaged(`a discarded event claims ${word} bytes`, end - at);
            break;
          }
          if (delta !== 1) clockNs += delta;
          at = (payload + word + 3) & ~3;
          continue;
        }
        payload += 4;
        size = word - 4;
      }
      if (size < SMALLEST_RECORD || payload + size > end) {
        this.damaged(`an event claims ${size} bytes`, end - at);
        break;
      }
      clockNs += delta;
      timesNs[count] = clockNs;
      payloads[count] = payload;
      payloadSizes[count] = size;
      count++;
      const next = (payload + size + 3) & ~3;
      this.bytes += next - at;
      at = next;
    }
    this.count = count;
  }

  /** What is skipped here is missing behind the events found, like what the kernel dropped. */
  private damaged(what: string, left: number): void {
    this.reader.damaged(
      `${what} in a sub-buffer where ${left} bytes are left; the rest of the sub-buffer was skipped`,
    );
    this.lostBehind = LOST_UNCOUNTED;
  }

  private wide(at: number): number {
    const first = this.view.getUint32(at, this.littleEndian);
    const second = this.view.getUint32(at + 4, this.littleEndian);
    return this.littleEndian ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
  }

  private long(at: number): number {
    return this.layout.commitSize === 8 ? this.wide(at) : this.view.getUint32(at, this.littleEndian);
  }
}

/** Losses before one event add up, unless a part of them is not counted. */
export function together(one: number, other: number): number {
  return one === LOST_UNCOUNTED || other === LOST_UNCOUNTED ? LOST_UNCOUNTED : one + other;
}
