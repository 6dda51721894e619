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

/** The places of the fields that every event has, and of the stack in `kernel_stack`. */
interface CommonFields {
  readonly type: number;
  readonly flags: number;
  readonly pid: number;
  /** `common_type` of `kernel_stack`; -1 where the kernel has none. */
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
      if (!cursor.advance()) continue;
      if (cursor.lost !== NOTHING_LOST) {
        listener.eventsLost(cursor.cpu, cursor.lost, Number.NEGATIVE_INFINITY, cursor.timeNs);
      }
      cursors.push(cursor);
    }
  }
  const firstNs = cursors.reduce((least, cursor) => Math.min(least, cursor.timeNs), Number.POSITIVE_INFINITY);
  const firsts = cursors.map(cursor => cursor.timeNs);

  const delivery = new Delivery(trace.littleEndian, commonFields(formatOf), longSize, listener);
  const merge = new Merge(cursors);
  let nextProgress = PROGRESS_STEP;
  for (let cursor = merge.first(); cursor; cursor = merge.first()) {
    // The same CPU goes on until another has an earlier event; equal times are the merge's to order.
    const limit = merge.secondNs();
    let more = delivery.deliver(cursor);
    while (more && cursor.timeNs < limit) more = delivery.deliver(cursor);
    if (more) merge.firstMoved();
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
      lastNs: cursor.timeNs,
      bytes: cursor.bytes,
    })),
    firstNs: delivery.events === 0 ? 0 : firstNs,
    lastNs: delivery.lastNs,
  };
}

/** Hands events out, one at a time. */
class Delivery {
  events = 0;
  lastNs = 0;
  private readonly littleEndian: boolean;
  private readonly common: CommonFields;
  private readonly longSize: number;
  private readonly listener: WalkListener;
  private readonly event: RawEvent;
  /** By `common_type`: `null` for a kind that is only counted, `undefined` before its first record. */
  private readonly handlers: (EventHandler | null | undefined)[] = [];
  private readonly counts = new Uint32Array(65_536);

  constructor(littleEndian: boolean, common: CommonFields, longSize: number, listener: WalkListener) {
    this.littleEndian = littleEndian;
    this.common = common;
    this.longSize = longSize;
    this.listener = listener;
    this.event = newRawEvent(littleEndian);
  }

  /** Hands out the event that the cursor is at, and moves the cursor on; `false` when it is at its end. */
  deliver(cursor: CpuCursor): boolean {
    const { common, littleEndian } = this;
    const { view, payload, timeNs } = cursor;
    const id = view.getUint16(payload + common.type, littleEndian);
    this.events++;
    this.lastNs = timeNs;
    this.counts[id] = (this.counts[id] as number) + 1;
    const known = this.handlers[id];
    const handler = known === undefined ? this.newHandler(id) : known;
    let more: boolean;
    if (handler === null) {
      more = cursor.advance();
    } else {
      const { event } = this;
      event.view = view;
      event.payload = payload;
      event.payloadSize = cursor.payloadSize;
      event.timeNs = timeNs;
      event.cpu = cursor.cpu;
      event.pid = view.getInt32(payload + common.pid, littleEndian);
      event.flags = view.getUint8(payload + common.flags);
      event.context = executionContext(event.pid, cursor.cpu, event.flags);
      event.position = cursor.chunkPosition + payload;
      event.stackBytes = 0;
      more = cursor.advance();
      if (more && cursor.view.getUint16(cursor.payload + common.type, littleEndian) === common.stackId) {
        this.takeStack(cursor);
      }
      handler(event);
    }
    if (more && cursor.lost !== NOTHING_LOST) {
      this.listener.eventsLost(cursor.cpu, cursor.lost, timeNs, cursor.timeNs);
    }
    return more;
  }

  countsById(): Map<number, number> {
    const byId = new Map<number, number>();
    this.counts.forEach((count, id) => {
      if (count > 0) byId.set(id, count);
    });
    return byId;
  }

  private newHandler(id: number): EventHandler | null {
    const handler = this.listener.handlerFor(id) ?? null;
    this.handlers[id] = handler;
    return handler;
  }

  /** Gives the event the stack that stands behind it, if that belongs to the same thread of execution. */
  private takeStack(next: CpuCursor): void {
    const { event, common } = this;
    const { view, payload, payloadSize } = next;
    if (next.lost !== NOTHING_LOST) return;
    if (payloadSize < common.stackFrames || payloadSize < common.stackSize + 4) return;
    const pid = view.getInt32(payload + common.pid, this.littleEndian);
    const flags = view.getUint8(payload + common.flags);
    if (executionContext(pid, next.cpu, flags) !== event.context) return;
    const frames = view.getUint32(payload + common.stackSize, this.littleEndian);
    event.stackView = view;
    event.stackAt = payload + common.stackFrames;
    event.stackBytes = Math.min(frames * this.longSize, payloadSize - common.stackFrames);
  }
}

/** Bytes of `struct trace_entry`, which every record begins with (include/linux/trace_events.h). */
const TRACE_ENTRY = 8;

/**
 * The layout of `struct trace_entry` is the same in all events of a kernel; any format tells it. An offset beyond
 * it comes from a damaged file and is not used.
 */
function commonFields(formatOf: (name: string) => EventFormat | undefined): CommonFields {
  const stack = formatOf('kernel_stack');
  const place = (name: string, size: number, otherwise: number): number => {
    const field = stack && findField(stack, name);
    return field && field.offset + size <= TRACE_ENTRY ? field.offset : otherwise;
  };
  return {
    type: place('common_type', 2, 0),
    flags: place('common_flags', 1, 2),
    pid: place('common_pid', 4, 4),
    stackId: stack?.id ?? -1,
    stackSize: (stack && findField(stack, 'size')?.offset) ?? TRACE_ENTRY,
    stackFrames: (stack && findField(stack, 'caller')?.offset) ?? TRACE_ENTRY + 8,
  };
}
