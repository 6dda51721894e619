import { executionContext } from '../../src/kernel/moment.ts';
import { type Capabilities, noCapabilities } from '../../src/kernel/source.ts';
import { bindEvent, callEvidence } from '../../src/trace/bindings/bind.ts';
import { newBindingContext } from '../../src/trace/bindings/context.ts';
import { IommuCalls } from '../../src/trace/bindings/iommu-calls.ts';
import { Positions } from '../../src/trace/dat/positions.ts';
import { type EventHandler, newRawEvent } from '../../src/trace/events/raw-event.ts';
import { wordsOf } from '../../src/trace/events/words.ts';
import { Symbols } from '../../src/trace/names/symbols.ts';
import { TraceNames } from '../../src/trace/names/trace-names.ts';
import type { EventType, Maker, Values } from './event-type.ts';
import { KALLSYMS } from './kernel-events.ts';
import { newRecorder, type Recorder } from './recorder.ts';
import { type Machine, X86_64 } from './ring-buffer.ts';

/** Where and when an event happens. */
export interface Place extends Maker {
  readonly timeNs?: number;
  readonly cpu?: number;
  /** Frames of the kernel stack behind it. */
  readonly stack?: readonly bigint[];
  /** Bytes that the record has, where that is fewer than its format says. */
  readonly cutTo?: number;
}

/** The bindings without a file: events of some types go in, calls come out. */
export interface BoundKernel extends Recorder {
  readonly names: TraceNames;
  readonly seen: Capabilities;
  /** What the recording has said of itself. */
  readonly notes: readonly string[];
  emit(type: EventType, values: Values, place?: Place): void;
  /** The end of the trace. */
  finish(): void;
}

/** Binds events as a trace does whose formats are `types`. */
export function bindKernel(
  types: readonly EventType[],
  machine: Machine = X86_64,
  kallsyms = KALLSYMS,
): BoundKernel {
  const recorder = newRecorder();
  const symbols = Buffer.from(kallsyms, 'latin1');
  const names = new TraceNames(new Symbols({ all: () => symbols }), new Map(), new Positions('a.dat'));
  const seen: Capabilities = noCapabilities();
  const calls = new IommuCalls(recorder.sink, callEvidence(types.map(({ format }) => format)));
  const { sink } = recorder;
  const context = newBindingContext({
    sink,
    names,
    calls,
    longSize: machine.longSize,
    seen,
    pageSize: 4096,
  });
  const handlers = new Map<EventType, EventHandler | undefined>();
  const event = newRawEvent(machine.littleEndian);
  let clock = 0;
  return {
    ...recorder,
    names,
    seen,
    notes: context.notes,
    emit(type, values, { timeNs = ++clock, cpu = 0, stack = [], cutTo, ...maker } = {}) {
      if (!handlers.has(type)) handlers.set(type, bindEvent(type.format, context));
      const record = type.record(machine, values, maker).subarray(0, cutTo);
      event.view = viewOf(record);
      event.words = wordsOf(record.slice(), machine.littleEndian);
      event.payload = 0;
      event.payloadSize = record.length;
      event.timeNs = timeNs;
      event.cpu = cpu;
      event.pid = maker.pid ?? 1;
      event.context = executionContext(event.pid, cpu, maker.flags ?? 0);
      event.stack = 0;
      event.position = timeNs;
      event.stackWords = stackOf(machine, stack);
      event.stackAt = 0;
      event.stackBytes = stack.length * machine.longSize;
      handlers.get(type)?.(event);
    },
    finish() {
      calls.finish();
      context.loggedFaults.finish(context);
    },
  };
}

/** A view that ends where the record does, as that of the last record of a file. */
function viewOf(record: Uint8Array): DataView {
  const copy = record.slice();
  return new DataView(copy.buffer, 0, copy.length);
}

function stackOf({ littleEndian, longSize }: Machine, frames: readonly bigint[]): Uint32Array {
  const view = new DataView(new ArrayBuffer(frames.length * longSize));
  for (const [i, frame] of frames.entries()) {
    if (longSize === 8) view.setBigUint64(i * 8, frame, littleEndian);
    else view.setUint32(i * 4, Number(frame & 0xffff_ffffn), littleEndian);
  }
  return wordsOf(new Uint8Array(view.buffer), littleEndian);
}
