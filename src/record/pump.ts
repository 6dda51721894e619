import { batchFor, CpuStream, type SubBufferSink } from './cpu-stream.ts';
import type { Tracefs } from './tracefs.ts';

/** How a recording goes. */
export interface RecordingCounts {
  events: number;
  bytes: number;
  lost: number;
}

/** The longest and the shortest wait between two rounds, in milliseconds. */
const LONGEST_MS = 250;
const SHORTEST_MS = 2;

/** Part of a buffer that may fill between two rounds. */
const FILL = 1 / 8;

/**
 * Reads the ring buffers of all CPUs, round after round. It waits between rounds for as long as the fastest CPU takes to
 * fill a part of its buffer: an idle machine costs next to nothing, a busy one is read all the time.
 *
 * Reading is synchronous, because a non-blocking read of memory takes microseconds: Node's four threads for file work
 * would be fewer than a machine has CPUs.
 */
export class Pump {
  readonly counts: RecordingCounts = { events: 0, bytes: 0, lost: 0 };
  readonly streams: readonly CpuStream[];
  private readonly bufferBytes: number;
  private readonly subBufferSize: number;
  private lastRoundMs = performance.now();

  constructor(tracefs: Tracefs, instance: string, subBufferSize: number, bufferKib: number) {
    this.subBufferSize = subBufferSize;
    this.bufferBytes = bufferKib * 1024;
    const batch = batchFor(subBufferSize);
    const streams: CpuStream[] = [];
    this.streams = streams;
    try {
      for (const cpu of cpusOf(tracefs, instance)) {
        streams.push(new CpuStream(tracefs, instance, cpu, subBufferSize, batch));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Reads all CPUs once.
   *
   * @param least see {@link CpuStream.drain}; by default a full sub-buffer
   * @returns milliseconds until the next round is due
   */
  round(sink: SubBufferSink, least = this.subBufferSize): number {
    const started = performance.now();
    const elapsedMs = Math.max(0.1, started - this.lastRoundMs);
    this.lastRoundMs = started;
    let events = 0;
    let lost = 0;
    let most = 0;
    for (const stream of this.streams) {
      const bytes = stream.drain(sink, least);
      this.counts.bytes += bytes;
      most = Math.max(most, bytes);
      const { counters } = stream;
      events += counters.read + counters.entries;
      lost += counters.lost;
    }
    this.counts.events = events;
    this.counts.lost = lost;
    const untilFilled = most === 0 ? LONGEST_MS : (this.bufferBytes * FILL * elapsedMs) / most;
    return Math.max(SHORTEST_MS, Math.min(LONGEST_MS, untilFilled));
  }

  /** A time before which everything that happened on any CPU has been read; after a round that reads all. */
  get completeUntilNs(): number {
    return this.streams.reduce(
      (least, stream) => Math.min(least, stream.completeUntilNs),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Reads everything that is left, after recording has stopped; returns `stats` of each CPU. */
  finish(sink: SubBufferSink): string[] {
    for (const stream of this.streams) {
      for (let bytes = stream.drain(sink, 1); bytes > 0; bytes = stream.drain(sink, 1)) {
        this.counts.bytes += bytes;
      }
    }
    this.counts.events = 0;
    this.counts.lost = 0;
    return this.streams.map(stream => {
      const text = stream.count();
      this.counts.events += stream.counters.read;
      this.counts.lost += stream.counters.lost;
      return `CPU: ${stream.cpu}\n${text}`;
    });
  }

  close(): void {
    for (const stream of this.streams) stream.close();
  }
}

/** The CPUs that have a buffer, in order; of the top instance where no other is named. */
export function cpusOf(tracefs: Tracefs, instance?: string): number[] {
  return tracefs
    .list(instance === undefined ? 'per_cpu' : `${instance}/per_cpu`)
    .flatMap(name => /^cpu(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Bytes of a sub-buffer, header included, by `events/header_page`. */
export function subBufferSizeOf(headerPage: string): number {
  const match = /char data;\s*offset:(\d+);\s*size:(\d+);/.exec(headerPage);
  return match ? Number(match[1]) + Number(match[2]) : 4096;
}
