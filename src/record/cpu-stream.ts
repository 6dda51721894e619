import type { OpenFile, Tracefs } from './tracefs.ts';

/** Takes whole sub-buffers of one CPU; the bytes are reused after it returns. */
export type SubBufferSink = (cpu: number, subBuffers: Uint8Array) => void;

/** `per_cpu/cpuN/stats` */
export interface CpuCounters {
  /** Events that wait in the buffer, and the bytes that they take. */
  entries: number;
  bytes: number;
  /** Events that were read. */
  read: number;
  /** Events that were overwritten before they were read, or not written at all. */
  lost: number;
  /** The trace's clock now, in nanoseconds; 0 where it does not count nanoseconds. */
  nowNs: number;
}

/** Sub-buffers that are handed on at once. */
const BATCH = 64;

/** Sub-buffers that are read in one go, so that no CPU keeps the others waiting. */
const MOST_AT_ONCE = 1024;

/** Bytes of `per_cpu/cpuN/stats` at most. */
const STATS_BYTES = 1024;

/**
 * The ring buffer of one CPU, read while it is written.
 *
 * A read of `trace_pipe_raw` takes a sub-buffer that is still being filled as readily as a full one, and pads it: whoever
 * reads often reads mostly padding. So `stats` is asked first, and a sub-buffer is read when there is a full one.
 */
export class CpuStream {
  readonly cpu: number;
  /** Everything that happened on this CPU before this time has been read, in nanoseconds. */
  completeUntilNs = 0;
  readonly counters: CpuCounters = { entries: 0, bytes: 0, read: 0, lost: 0, nowNs: 0 };
  private readonly pipe: OpenFile;
  private readonly stats: OpenFile;
  private readonly statsText = new Uint8Array(STATS_BYTES);
  private readonly batch: Uint8Array;
  private readonly subBufferSize: number;

  /** @param batch memory to read into, shared by all CPUs */
  constructor(tracefs: Tracefs, instance: string, cpu: number, subBufferSize: number, batch: Uint8Array) {
    this.cpu = cpu;
    this.subBufferSize = subBufferSize;
    this.batch = batch;
    const folder = `${instance}/per_cpu/cpu${cpu}`;
    this.pipe = tracefs.open(`${folder}/trace_pipe_raw`);
    this.stats = tracefs.open(`${folder}/stats`);
  }

  /** The text of `stats` as it is now; fills {@link counters}. */
  count(): string {
    const text = latin1(this.statsText, this.stats.readAgain(this.statsText));
    parseStats(text, this.counters);
    return text;
  }

  /**
   * Reads what has come.
   *
   * @param least bytes of events that make it worth while; 1 also takes a sub-buffer that is being filled
   * @returns bytes read
   */
  drain(sink: SubBufferSink, least: number): number {
    this.count();
    this.completeUntilNs = least <= 1 ? this.counters.nowNs : 0;
    const { subBufferSize, batch } = this;
    let wanted =
      least <= 1 ? MOST_AT_ONCE : Math.min(MOST_AT_ONCE, Math.floor(this.counters.bytes / subBufferSize));
    if (this.counters.entries === 0 || this.counters.bytes < least) return 0;
    let total = 0;
    let used = 0;
    while (wanted-- > 0) {
      const read = this.pipe.read(batch.subarray(used, used + subBufferSize));
      if (read === 0) break;
      // What a short read leaves is not of this sub-buffer.
      batch.fill(0, used + read, used + subBufferSize);
      used += subBufferSize;
      total += subBufferSize;
      if (used + subBufferSize > batch.length) {
        sink(this.cpu, batch.subarray(0, used));
        used = 0;
      }
    }
    // More has come than was read: what is read last began after all that was read before.
    if (least <= 1 && wanted < 0)
      this.completeUntilNs = startOf(batch, (used || batch.length) - subBufferSize);
    if (used > 0) sink(this.cpu, batch.subarray(0, used));
    return total;
  }

  close(): void {
    this.pipe.close();
    this.stats.close();
  }
}

/** Memory for {@link CpuStream}. */
export function batchFor(subBufferSize: number): Uint8Array {
  return new Uint8Array(BATCH * subBufferSize);
}

/** Reads `per_cpu/cpuN/stats`, as kernel/trace/trace.c writes it. */
export function parseStats(text: string, into: CpuCounters): void {
  const value = (name: string): number => {
    const at = text.indexOf(name);
    return at < 0 ? 0 : Number.parseFloat(text.slice(at + name.length)) || 0;
  };
  into.entries = value('entries: ');
  into.bytes = value('\nbytes: ');
  into.read = value('read events: ');
  into.lost = value('\noverrun: ') + value('dropped events: ');
  into.nowNs = Math.round(value('now ts: ') * 1e6) * 1e3;
}

/** `time_stamp` of a sub-buffer, its first word (include/linux/ring_buffer_types.h). */
function startOf(subBuffers: Uint8Array, at: number): number {
  const view = new DataView(subBuffers.buffer, subBuffers.byteOffset + at, 8);
  return view.getUint32(4, true) * 0x1_0000_0000 + view.getUint32(0, true);
}

function latin1(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
}
