import { executionContext } from '../../kernel/moment.ts';
import { ChunkReader } from '../dat/chunk-reader.ts';
import type { Positions } from '../dat/positions.ts';
import type { TraceDat } from '../dat/trace-dat.ts';
import { CpuCursor, NOTHING_LOST } from './cpu-cursor.ts';
import type { EventFormat } from './event-format.ts';
import { findField } from './field-reader.ts';
import { Merge } from './merge.ts';
import { type EventHandler, newRawEvent, type RawEvent } from './raw-event.ts';

/** Who is told what a walk comes across. */
export interface WalkListener {
  /** The handler for a kind of event, asked for once, at its first record; `undefined` only counts it. */
  handlerFor(id: number): EventHandler | undefined;
  /**
   * Events of `cpu` are missing after `sinceNs` and before `untilNs`; said before any other event of that window.
   * `sinceNs` is -Infinity before the first event of a CPU. `count` is -1 where the kernel did not count.
   */
  eventsLost(cpu: number, count: number, sinceNs: number, untilNs: number): void;
  /** Called now and then with the bytes of event data read so far, and their sum. */
  progress?(done: number, total: number): void;
}

/** Events of one CPU that a walk has seen. */
export interface CpuCounts {
  readonly cpu: number;
  readonly events: number;
  readonly firstNs: number;
  readonly lastNs: number;
  readonly bytes: number;
}

/** What a finished walk has counted. */
export interface WalkResult {
  readonly events: number;
  /** Records by `common_type`. */
  readonly counts: ReadonlyMap<number, number>;
  readonly perCpu: readonly CpuCounts[];
  readonly firstNs: number;
  readonly lastNs: number;
}

/** The places of the fields that every event has, as a word and a shift in it, and of the stack in `kernel_stack`. */
interface CommonFields {
  readonly typeWord: number;
  readonly typeShift: number;
  readonly flagsWord: number;
  readonly flagsShift: number;
  readonly pidWord: number;
  /** `common_type` of `kernel_stack`; -1 where the kernel has none. Offsets of its fields, multiples of 4. */
  readonly stackId: number;
  readonly stackSize: number;
  readonly stackFrames: number;
}

/** Events between two calls of `progress`. */
const PROGRESS_STEP = 65_536;

/**
 * Walks all events of a trace in the order of their time, over all CPUs and buffers.
 *
 * The cursor of a CPU is moved on before its event is handed out: the record behind it is its kernel stack if it
 * has one, and a gap behind it is known before another CPU's events fall into it.
 */
export function walkEvents(
  trace: TraceDat,
  positions: Positions,
  formatOf: (name: string) => EventFormat | undefined,
  longSize: number,
  listener: WalkListener,
): WalkResult {
  const cursors: CpuCursor[] = [];
  let total = 0;
  for (const buffer of trace.buffers) {
    for (const data of buffer.cpus) {
      total += data.size;
      const reader = new ChunkReader(trace, buffer, data, positions);
      const cursor = new CpuCursor(data.cpu, reader, trace.layout, buffer.subBufferSize, trace.littleEndian);
      if (!cursor.enterSubBuffer()) continue;
      if (cursor.lost !== NOTHING_LOST) {
        listener.eventsLost(cursor.cpu, cursor.lost, Number.NEGATIVE_INFINITY, cursor.timeNs);
      }
      cursors.push(cursor);
    }
  }
  const firstNs = cursors.reduce((least, cursor) => Math.min(least, cursor.timeNs), Number.POSITIVE_INFINITY);
  const firsts = cursors.map(cursor => cursor.timeNs);

  const delivery = new Delivery(
    trace.littleEndian,
    commonFields(formatOf, trace.littleEndian),
    longSize,
    listener,
  );
  const merge = new Merge(cursors);
  let nextProgress = PROGRESS_STEP;
  for (let cursor = merge.first(); cursor; cursor = merge.first()) {
    // The same CPU goes on until another has an earlier event; equal times are the merge's to order.
    if (delivery.deliver(cursor, merge.secondNs())) merge.firstMoved();
    else merge.firstEnded();
    if (delivery.events >= nextProgress) {
      nextProgress = delivery.events + PROGRESS_STEP;
      listener.progress?.(
        cursors.reduce((sum, each) => sum + each.consumed, 0),
        total,
      );
    }
  }
  return {
    events: delivery.events,
    counts: delivery.countsById(),
    perCpu: cursors.map((cursor, i) => ({
      cpu: cursor.cpu,
      events: cursor.events,
      firstNs: firsts[i] as number,
      lastNs: cursor.lastNs,
      bytes: cursor.bytes,
    })),
    firstNs: delivery.events === 0 ? 0 : firstNs,
    lastNs: delivery.lastNs,
  };
}

/** Hands events out, one at a time. */
export class Delivery {
  events = 0;
  lastNs = 0;
  private readonly common: CommonFields;
  private readonly longSize: number;
  private readonly listener: WalkListener;
  private readonly event: RawEvent;
  /** By `common_type`: the number of its kind, 0 before its first record. */
  private readonly kinds = new Int32Array(65_536);
  /** Of each kind: its `common_type`, its records, and who handles them; `undefined` where they are only counted. */
  private readonly ids = [-1];
  private readonly counts = [0];
  private readonly handlers: (EventHandler | undefined)[] = [undefined];

  constructor(littleEndian: boolean, common: CommonFields, longSize: number, listener: WalkListener) {
    this.common = common;
    this.longSize = longSize;
    this.listener = listener;
    this.event = newRawEvent(littleEndian);
  }

  /**
   * Hands out the current event of the cursor, and those behind it in the same sub-buffer that come before `limitNs`.
   * Moves the cursor to the next event; `false` when there is none.
   *
   * The innermost loop of all: it makes few calls, because V8 has not yet optimised it when a small trace ends.
   */
  deliver(cursor: CpuCursor, limitNs: number): boolean {
    const { event, handlers, counts, kinds } = this;
    const { typeWord, typeShift, flagsWord, flagsShift, pidWord, stackId } = this.common;
    const { words, timesNs, payloads, payloadSizes, count, cpu, chunkPosition } = cursor;
    event.view = cursor.view;
    event.words = words;
    event.cpu = cpu;
    let { index } = cursor;
    let payload = payloads[index] as number;
    let id = ((words[(payload >> 2) + typeWord] as number) >>> typeShift) & 0xffff;
    do {
      const kind = (kinds[id] as number) || this.newKind(id);
      counts[kind] = (counts[kind] as number) + 1;
      const handler = handlers[kind];
      if (handler !== undefined) {
        const at = payload >> 2;
        const flags = ((words[at + flagsWord] as number) >>> flagsShift) & 0xff;
        const pid = (words[at + pidWord] as number) | 0;
        event.payload = payload;
        event.payloadSize = payloadSizes[index] as number;
        event.timeNs = timesNs[index] as number;
        event.flags = flags;
        event.pid = pid;
        event.context = executionContext(pid, cpu, flags);
        event.position = chunkPosition + payload;
        event.stack = 0;
        event.stackBytes = 0;
      }
      if (++index === count) return this.deliverLast(cursor, handler);
      payload = payloads[index] as number;
      id = ((words[(payload >> 2) + typeWord] as number) >>> typeShift) & 0xffff;
      if (handler !== undefined) {
        if (id === stackId) this.takeStack(cursor, index);
        handler(event);
      }
    } while ((timesNs[index] as number) < limitNs);
    this.delivered(cursor, index);
    cursor.moveTo(index);
    return true;
  }

  /** The last event of a sub-buffer: its stack, and a gap behind it, are in the next one. */
  private deliverLast(cursor: CpuCursor, handler: EventHandler | undefined): boolean {
    this.delivered(cursor, cursor.count);
    const { lastNs } = this;
    const more = cursor.enterSubBuffer();
    if (handler !== undefined) {
      if (more && cursor.lost === NOTHING_LOST && this.isStack(cursor, 0)) this.takeStack(cursor, 0);
      handler(this.event);
    }
    if (more && cursor.lost !== NOTHING_LOST) {
      this.listener.eventsLost(cursor.cpu, cursor.lost, lastNs, cursor.timeNs);
    }
    return more;
  }

  /** Counts the events from the current one to the one before `index`. */
  private delivered(cursor: CpuCursor, index: number): void {
    this.events += index - cursor.index;
    this.lastNs = cursor.timesNs[index - 1] as number;
  }

  countsById(): Map<number, number> {
    return new Map(this.ids.slice(1).map((id, i) => [id, this.counts[i + 1] as number]));
  }

  private newKind(id: number): number {
    const kind = this.ids.push(id) - 1;
    this.kinds[id] = kind;
    this.counts.push(0);
    this.handlers.push(this.listener.handlerFor(id));
    return kind;
  }

  private isStack(cursor: CpuCursor, index: number): boolean {
    const { typeWord, typeShift, stackId } = this.common;
    const word = cursor.words[((cursor.payloads[index] as number) >> 2) + typeWord] as number;
    return ((word >>> typeShift) & 0xffff) === stackId;
  }

  /** Gives the event the stack that stands behind it, if that belongs to the same thread of execution. */
  private takeStack(cursor: CpuCursor, index: number): void {
    const { event, common } = this;
    const { words, cpu } = cursor;
    const payload = cursor.payloads[index] as number;
    const payloadSize = cursor.payloadSizes[index] as number;
    if (payloadSize < common.stackFrames || payloadSize < common.stackSize + 4) return;
    const flags = ((words[(payload >> 2) + common.flagsWord] as number) >>> common.flagsShift) & 0xff;
    const pid = (words[(payload >> 2) + common.pidWord] as number) | 0;
    if (executionContext(pid, cpu, flags) !== event.context) return;
    const frames = words[(payload + common.stackSize) >> 2] as number;
    event.stackWords = words;
    event.stackAt = payload + common.stackFrames;
    event.stackBytes = Math.min(frames * this.longSize, payloadSize - common.stackFrames);
  }
}

/** Bytes of `struct trace_entry`, which every record begins with (include/linux/trace_events.h). */
const TRACE_ENTRY = 8;

/**
 * The layout of `struct trace_entry` is the same in all events of a kernel; any format tells it. An offset that is not
 * aligned or beyond it comes from a damaged file and is not used.
 */
export function commonFields(
  formatOf: (name: string) => EventFormat | undefined,
  littleEndian: boolean,
): CommonFields {
  const stack = formatOf('kernel_stack');
  const place = (name: string, size: number, otherwise: number): number => {
    const field = stack && findField(stack, name);
    return field && field.offset + size <= TRACE_ENTRY && field.offset % size === 0
      ? field.offset
      : otherwise;
  };
  const shift = (offset: number, size: number): number =>
    8 * (littleEndian ? offset % 4 : 4 - size - (offset % 4));
  const aligned = (name: string, otherwise: number): number => {
    const field = stack && findField(stack, name);
    return field && field.offset % 4 === 0 ? field.offset : otherwise;
  };
  const type = place('common_type', 2, 0);
  const flags = place('common_flags', 1, 2);
  return {
    typeWord: type >> 2,
    typeShift: shift(type, 2),
    flagsWord: flags >> 2,
    flagsShift: shift(flags, 1),
    pidWord: place('common_pid', 4, 4) >> 2,
    stackId: stack?.id ?? -1,
    stackSize: aligned('size', TRACE_ENTRY),
    stackFrames: aligned('caller', TRACE_ENTRY + 8),
  };
}
