import type { PageLayout } from '../dat/metadata.ts';
import { type ChunkSource, CpuCursor, NOTHING_LOST } from './cpu-cursor.ts';
import type { EventFormat } from './event-format.ts';
import { Merge } from './merge.ts';
import { commonFields, Delivery, type WalkListener } from './walk.ts';

/** An event that no file holds. */
const NOWHERE = Number.NEGATIVE_INFINITY;

/** Sub-buffers of one CPU that have come and were not walked yet. */
class Arrivals implements ChunkSource {
  bytes: Uint8Array = new Uint8Array(0);
  readonly position = NOWHERE;
  consumed = 0;
  private readonly waiting: Uint8Array[] = [];
  private readonly note: (message: string) => void;

  constructor(note: (message: string) => void) {
    this.note = note;
  }

  add(chunk: Uint8Array): void {
    this.waiting.push(chunk);
  }

  next(): boolean {
    const chunk = this.waiting.shift();
    if (!chunk) return false;
    this.bytes = chunk;
    this.consumed += chunk.length;
    return true;
  }

  damaged(message: string): void {
    this.note(message);
  }
}

export interface LiveWalkOptions {
  readonly layout: PageLayout;
  readonly subBufferSize: number;
  readonly littleEndian: boolean;
  readonly formatOf: (name: string) => EventFormat | undefined;
  readonly listener: WalkListener;
  /** Told of sub-buffers that cannot be read. */
  readonly damaged: (message: string) => void;
}

interface LiveCpu {
  readonly arrivals: Arrivals;
  readonly cursor: CpuCursor;
  /** Whether the cursor stands at an event. */
  isAtEvent: boolean;
}

/**
 * Walks events while they are recorded, in the order of their time over all CPUs. Sub-buffers are fed as they are read;
 * the events of a time are walked when every CPU has been read after it, and then once more, so that the stack behind
 * each has come too.
 */
export class LiveWalk {
  private readonly options: LiveWalkOptions;
  private readonly delivery: Delivery;
  private readonly cpus = new Map<number, LiveCpu>();

  constructor(options: LiveWalkOptions) {
    this.options = options;
    const { littleEndian, formatOf, layout, listener } = options;
    this.delivery = new Delivery(
      littleEndian,
      commonFields(formatOf, littleEndian),
      layout.commitSize,
      listener,
    );
  }

  /** Events walked so far. */
  get events(): number {
    return this.delivery.events;
  }

  /** Time of the last event walked. */
  get lastNs(): number {
    return this.delivery.lastNs;
  }

  /** Takes whole sub-buffers of a CPU; they are copied. */
  feed(cpu: number, subBuffers: Uint8Array): void {
    let known = this.cpus.get(cpu);
    if (!known) {
      const { layout, subBufferSize, littleEndian, damaged } = this.options;
      const arrivals = new Arrivals(damaged);
      const cursor = new CpuCursor(cpu, arrivals, layout, subBufferSize, littleEndian);
      known = { arrivals, cursor, isAtEvent: false };
      this.cpus.set(cpu, known);
    }
    known.arrivals.add(subBuffers.slice());
  }

  /**
   * Walks the events before `untilNs`. The next call goes on from there.
   *
   * @param untilNs a time after which every CPU has been read twice; Infinity at the end
   */
  walk(untilNs: number): void {
    for (const cpu of this.cpus.values()) if (!cpu.isAtEvent) this.wake(cpu);
    const active = [...this.cpus.values()].filter(({ isAtEvent }) => isAtEvent);
    const byCursor = new Map(active.map(cpu => [cpu.cursor, cpu]));
    const merge = new Merge(active.map(({ cursor }) => cursor));
    for (let cursor = merge.first(); cursor && cursor.timeNs < untilNs; cursor = merge.first()) {
      if (this.delivery.deliver(cursor, Math.min(merge.secondNs(), untilNs))) {
        merge.firstMoved();
      } else {
        (byCursor.get(cursor) as LiveCpu).isAtEvent = false;
        merge.firstEnded();
      }
    }
  }

  /** Lets a cursor that was at its end step into what has come since. */
  private wake(cpu: LiveCpu): void {
    const { cursor } = cpu;
    const sinceNs = cursor.events === 0 ? Number.NEGATIVE_INFINITY : cursor.lastNs;
    cpu.isAtEvent = cursor.enterSubBuffer();
    if (cpu.isAtEvent && cursor.lost !== NOTHING_LOST) {
      this.options.listener.eventsLost(cursor.cpu, cursor.lost, sinceNs, cursor.timeNs);
    }
  }
}
