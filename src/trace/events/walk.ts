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
  events: number;
  firstNs: number;
  lastNs: number;
  bytes: number;
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
  const perCpu: CpuCounts[] = [];
  const common = commonFields(formatOf);
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
      perCpu.push({ cpu: data.cpu, events: 0, firstNs: cursor.timeNs, lastNs: cursor.timeNs, bytes: 0 });
    }
  }
  const countsOf = new Map(cursors.map((cursor, i) => [cursor, perCpu[i] as CpuCounts]));

  const merge = new Merge(cursors);
  const event = newRawEvent(trace.littleEndian);
  const le = trace.littleEndian;
  const handlers: (EventHandler | null | undefined)[] = [];
  const counts = new Uint32Array(65_536);
  let events = 0;
  let firstNs = 0;
  let lastNs = 0;
  let current: CpuCursor | undefined;
  let currentCounts: CpuCounts | undefined;
  for (let cursor = merge.first(); cursor; cursor = merge.first()) {
    if (cursor !== current) {
      current = cursor;
      currentCounts = countsOf.get(cursor);
    }
    const { view, payload, timeNs } = cursor;
    const id = view.getUint16(payload + common.type, le);
    let handler = handlers[id];
    if (handler === undefined) {
      handler = listener.handlerFor(id) ?? null;
      handlers[id] = handler;
    }
    counts[id] = (counts[id] as number) + 1;
    if (events++ === 0) firstNs = timeNs;
    lastNs = timeNs;
    if (currentCounts) {
      currentCounts.events++;
      currentCounts.lastNs = timeNs;
      currentCounts.bytes = cursor.bytes;
    }
    if (handler) {
      event.view = view;
      event.payload = payload;
      event.payloadSize = cursor.payloadSize;
      event.timeNs = timeNs;
      event.cpu = cursor.cpu;
      event.pid = view.getInt32(payload + common.pid, le);
      event.flags = view.getUint8(payload + common.flags);
      event.context = executionContext(event.pid, cursor.cpu, event.flags);
      event.position = cursor.chunkPosition + payload;
    }
    const more = cursor.advance();
    if (handler) {
      if (more) takeStack(event, cursor, common, longSize);
      else event.stackBytes = 0;
      handler(event);
    }
    if (!more) {
      merge.firstEnded();
    } else {
      if (cursor.lost !== NOTHING_LOST) {
        listener.eventsLost(cursor.cpu, cursor.lost, timeNs, cursor.timeNs);
      }
      merge.firstMoved();
    }
    if (events % PROGRESS_STEP === 0 && listener.progress) {
      listener.progress(
        cursors.reduce((sum, each) => sum + each.consumed, 0),
        total,
      );
    }
  }
  const countById = new Map<number, number>();
  counts.forEach((count, id) => {
    if (count > 0) countById.set(id, count);
  });
  return { events, counts: countById, perCpu, firstNs, lastNs };
}

/** Gives the event the stack that stands behind it, if that belongs to the same thread of execution. */
function takeStack(event: RawEvent, next: CpuCursor, common: CommonFields, longSize: number): void {
  event.stackBytes = 0;
  const { view, payload, payloadSize } = next;
  const le = event.littleEndian;
  if (next.lost !== NOTHING_LOST || payloadSize < common.stackFrames) return;
  if (common.stackSize + 4 > payloadSize) return;
  if (view.getUint16(payload + common.type, le) !== common.stackId) return;
  const pid = view.getInt32(payload + common.pid, le);
  const flags = view.getUint8(payload + common.flags);
  if (executionContext(pid, next.cpu, flags) !== event.context) return;
  const frames = view.getUint32(payload + common.stackSize, le);
  event.stackView = view;
  event.stackAt = payload + common.stackFrames;
  event.stackBytes = Math.min(frames * longSize, payloadSize - common.stackFrames);
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
