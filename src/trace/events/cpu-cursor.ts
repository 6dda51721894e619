import type { ChunkReader } from '../dat/chunk-reader.ts';
import type { PageLayout } from '../dat/metadata.ts';

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

/** Upper part of a time extend or time stamp: `array[0] << 27`, as a multiplication because it exceeds 32 bits. */
const DELTA_RANGE = 1 << 27;

/** No events are missing before the current one. */
export const NOTHING_LOST = 0;
/** Events are missing, and the kernel did not count them. */
export const LOST_UNCOUNTED = -1;

/**
 * Walks the events of one CPU in the order of the ring buffer. After {@link advance} the fields describe the
 * current event; they are plain numbers and a view of the chunk, nothing is made per event.
 *
 * The format is that of `struct buffer_data_page` and `struct ring_buffer_event`
 * (include/linux/ring_buffer_types.h, include/linux/ring_buffer.h, kernel/trace/ring_buffer.c).
 */
export class CpuCursor {
  readonly cpu: number;
  /** The chunk that holds the current event. A new chunk is a new view: the old one stays valid. */
  view: DataView = new DataView(new ArrayBuffer(0));
  timeNs = 0;
  /** Offset in {@link view} of the event's data, where `common_type` is. */
  payload = 0;
  /** Bytes of data, trailing padding included. */
  payloadSize = 0;
  /** Events missing before this one: a count, {@link NOTHING_LOST} or {@link LOST_UNCOUNTED}. */
  lost = NOTHING_LOST;
  /** Of the first byte of {@link view}, see `Positions`. */
  chunkPosition = 0;
  /** Events walked, the current one included, and the bytes of their data. */
  events = 0;
  bytes = 0;

  private readonly reader: ChunkReader;
  private readonly layout: PageLayout;
  private readonly subBufferSize: number;
  private readonly littleEndian: boolean;
  private nextSubBuffer = 0;
  private next = 0;
  private end = 0;
  private clockNs = 0;

  constructor(
    cpu: number,
    reader: ChunkReader,
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

  /** Moves to the next event; `false` at the end. */
  advance(): boolean {
    this.lost = NOTHING_LOST;
    const le = this.littleEndian;
    for (;;) {
      if (this.next + 4 > this.end) {
        if (!this.enterSubBuffer()) return false;
        continue;
      }
      const view = this.view;
      const at = this.next;
      const header = view.getUint32(at, le);
      const type = le ? header & 31 : header >>> 27;
      const delta = le ? header >>> 5 : header & 0x7ff_ffff;
      if (type > 0 && type < TYPE_PADDING) {
        this.payload = at + 4;
        this.payloadSize = type * 4;
      } else {
        if (type === TYPE_PADDING && delta === 0) {
          this.next = this.end;
          continue;
        }
        if (at + 8 > this.end) {
          this.damaged('an event header is cut');
          continue;
        }
        const word = view.getUint32(at + 4, le);
        if (type === TYPE_TIME_EXTEND) {
          this.clockNs += word * DELTA_RANGE + delta;
          this.next = at + 8;
          continue;
        }
        if (type === TYPE_TIME_STAMP) {
          this.clockNs = word * DELTA_RANGE + delta;
          this.next = at + 8;
          continue;
        }
        if (type === TYPE_PADDING) {
          // A discarded event. Its delta is forced to 1 where it had none (rb_event_discard).
          if (at + 4 + word > this.end) {
            this.damaged(`a discarded event claims ${word} bytes`);
            continue;
          }
          if (delta !== 1) this.clockNs += delta;
          this.next = at + 4 + word;
          continue;
        }
        this.payload = at + 8;
        this.payloadSize = word - 4;
      }
      const after = this.payload + this.payloadSize;
      if (this.payloadSize < SMALLEST_RECORD || after > this.end) {
        this.damaged(`an event claims ${this.payloadSize} bytes`);
        continue;
      }
      this.clockNs += delta;
      this.timeNs = this.clockNs;
      this.next = (after + 3) & ~3;
      this.bytes += this.next - at;
      this.events++;
      return true;
    }
  }

  /** Steps into the next sub-buffer that holds events. */
  private enterSubBuffer(): boolean {
    const { layout, littleEndian: le } = this;
    if (this.nextSubBuffer + layout.dataOffset > this.view.byteLength) {
      if (!this.reader.next()) return false;
      const { bytes } = this.reader;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.chunkPosition = this.reader.position;
      this.nextSubBuffer = 0;
      this.next = this.end = 0;
      return true;
    }
    const start = this.nextSubBuffer;
    const limit = Math.min(start + this.subBufferSize, this.view.byteLength);
    this.nextSubBuffer = start + this.subBufferSize;
    const commitAt = start + layout.commitOffset;
    // The flags are in the low 32 bits, also where commit is a 64-bit long.
    const commit = this.view.getUint32(!le && layout.commitSize === 8 ? commitAt + 4 : commitAt, le);
    const committed = commit & COMMIT_MASK;
    const data = start + layout.dataOffset;
    this.next = data;
    this.end = Math.min(data + committed, limit);
    this.clockNs = this.wide(start + layout.timestampOffset);
    if (commit & MISSED_EVENTS) {
      const stored = data + committed;
      const counted = (commit & MISSED_STORED) !== 0 && stored + layout.commitSize <= limit;
      this.addLost(counted ? this.long(stored) : LOST_UNCOUNTED);
    }
    if (data + committed > limit) {
      this.reader.damaged(
        `a sub-buffer claims ${committed} bytes of events, ${data + committed - limit} more than there are; the file is cut short or damaged`,
      );
    }
    return true;
  }

  /** What is skipped here is missing before the next event, like what the kernel dropped. */
  private damaged(what: string): void {
    this.reader.damaged(
      `${what} in a sub-buffer where ${this.end - this.next} bytes are left; the rest of the sub-buffer was skipped`,
    );
    this.next = this.end;
    this.addLost(LOST_UNCOUNTED);
  }

  /** Losses before one event add up, unless a part of them is not counted. */
  private addLost(count: number): void {
    const isCounted = count > 0 && this.lost !== LOST_UNCOUNTED;
    this.lost = isCounted ? this.lost + count : LOST_UNCOUNTED;
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
