import type { EventType, Maker, Values } from './event-type.ts';
import { type Machine, SUB_BUFFER, SubBuffer, X86_64 } from './ring-buffer.ts';
import type { RecordedBuffer, Recording } from './trace-file.ts';

/** One event of a made-up recording. */
export interface Happening extends Maker {
  readonly timeNs: number;
  readonly cpu?: number;
  readonly type: EventType;
  readonly values: Values;
  /** Events that the kernel dropped on this CPU before this one: it begins a new sub-buffer. */
  readonly missed?: number | 'uncounted';
}

/** Largest delta that an event itself can hold. */
const LARGEST_DELTA = 2 ** 27 - 1;

/** Lays out events in the sub-buffers of their CPUs. `events` are in the order of their time. */
export function bufferOf(
  machine: Machine,
  events: readonly Happening[],
  { name = '', subBufferSize = SUB_BUFFER }: { name?: string; subBufferSize?: number } = {},
): RecordedBuffer {
  const cpus = new Map<
    number,
    { subBuffers: Uint8Array[]; page: SubBuffer; clock: number; missed: Happening['missed'] }
  >();
  const close = (state: { subBuffers: Uint8Array[]; page: SubBuffer; missed: Happening['missed'] }): void => {
    state.subBuffers.push(state.page.close(state.missed === undefined ? {} : { missed: state.missed }));
  };
  for (const { timeNs, cpu = 0, type, values, missed, ...maker } of events) {
    const bytes = type.record(machine, values, maker);
    let state = cpus.get(cpu);
    if (state && (missed !== undefined || state.page.room < bytes.length + 24)) close(state);
    if (!state || missed !== undefined || state.page.room < bytes.length + 24) {
      const page = new SubBuffer(machine, timeNs, subBufferSize);
      state = { subBuffers: state?.subBuffers ?? [], page, clock: timeNs, missed };
      cpus.set(cpu, state);
    }
    const delta = timeNs - state.clock;
    if (delta > LARGEST_DELTA) state.page.timeExtend(delta);
    state.page.event(delta > LARGEST_DELTA ? 0 : delta, bytes);
    state.clock = timeNs;
  }
  const recorded = [...cpus].sort(([a], [b]) => a - b);
  return {
    name,
    cpus: recorded.map(([cpu, state]) => {
      close(state);
      return { cpu, subBuffers: state.subBuffers };
    }),
  };
}

/** A recording of some events, with the formats of exactly these. */
export function recordingOf(
  events: readonly Happening[],
  { machine = X86_64, ...rest }: Partial<Recording> = {},
): Recording {
  const types = new Set(events.map(({ type }) => type));
  return {
    machine,
    formats: [...types],
    buffers: [
      bufferOf(
        machine,
        events,
        rest.subBufferSize === undefined ? {} : { subBufferSize: rest.subBufferSize },
      ),
    ],
    ...rest,
  };
}
