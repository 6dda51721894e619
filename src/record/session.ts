import { boundDrivers } from './bound-drivers.ts';
import type { Preset } from './facts.ts';
import { tellInitialState } from './initial-state.ts';
import { type Instance, setUpInstance } from './instance.ts';
import { readKernelOffer } from './kernel-offer.ts';
import { groupName, instanceName } from './leftovers.ts';
import { initialStateMissing, markersAtEnd, markersAtStart, missedCalls } from './markers.ts';
import { planRecording } from './plan.ts';
import { cpusOf, Pump, subBufferSizeOf } from './pump.ts';
import { availableKib, systemFacts } from './system.ts';
import { descriptionOf, type RecordedDescription } from './trace-description.ts';
import type { Tracefs } from './tracefs.ts';
import { UndoList } from './undo.ts';

export interface SessionOptions {
  readonly preset: Preset;
  /** Overrides the preset. */
  readonly stacks?: boolean;
  /** Per CPU; by default as much as {@link defaultBufferKib} says. */
  readonly bufferKib?: number;
  readonly devices: readonly string[];
  /** Also tell what is mapped already, where the kernel shows it. */
  readonly initialState?: boolean;
}

/** Bytes of markers after which the buffers are read: far less than any of them holds. */
const MARKED_AT_ONCE = 128 << 10;

/** The same on all CPUs, and stamped in nanoseconds. */
const CLOCK = 'mono';

/**
 * Recording on this kernel: an instance with its events, and the ring buffers to read. Whatever happens, {@link close}
 * leaves tracefs as it was; the end of the process calls it too.
 */
export class Session {
  readonly instance: Instance;
  readonly pump: Pump;
  readonly bufferKib: number;
  readonly subBufferSize: number;
  /** Calls that our probes have missed, by event; known when the recording has stopped. */
  missed: ReadonlyMap<string, number> = new Map();
  private readonly tracefs: Tracefs;
  private readonly undo: UndoList;
  private readonly options: SessionOptions;
  private readonly atExit = (): void => void this.undo.run();

  private constructor(tracefs: Tracefs, undo: UndoList, options: SessionOptions) {
    this.tracefs = tracefs;
    this.undo = undo;
    this.options = options;
    this.bufferKib = options.bufferKib ?? defaultBufferKib(cpusOf(tracefs).length, availableKib());
    process.once('exit', this.atExit);
    this.instance = setUp(tracefs, undo, options, this.bufferKib);
    const { path } = this.instance;
    this.subBufferSize = subBufferSizeOf(tracefs.read(`${path}/events/header_page`));
    this.pump = new Pump(tracefs, path, this.subBufferSize, this.bufferKib);
    undo.add('close the buffers', () => this.pump.close());
  }

  /** @throws {@link RecordError} where the kernel does not allow it; nothing is left behind then */
  static open(tracefs: Tracefs, options: SessionOptions): Session {
    const undo = new UndoList();
    try {
      return new Session(tracefs, undo, options);
    } catch (error) {
      undo.run();
      throw error;
    }
  }

  /** What a reader of the trace must know, as far as it is known at the beginning. */
  describe(): RecordedDescription {
    const { path, events } = this.instance;
    return descriptionOf(
      this.tracefs,
      path,
      events.map(({ system, event }) => `${system}:${event}`),
    );
  }

  /** Begins to record, with the state that is found. */
  start(): void {
    this.tracefs.write(`${this.instance.path}/tracing_on`, '1');
    this.mark(markersAtStart(this.instance.missing, boundDrivers()));
  }

  /**
   * Tells what is mapped already, if that was asked for. What happens meanwhile is recorded as ever, and newer.
   *
   * @param read empties the buffers, so that all of it has room
   * @returns why it could not be told, or not all of it
   */
  tellInitialState(read: () => void): string | undefined {
    if (!this.options.initialState) return undefined;
    let marked = 0;
    const reason = tellInitialState(text => {
      this.mark([text]);
      marked += text.length;
      if (marked < MARKED_AT_ONCE) return;
      marked = 0;
      read();
    }, this.options.devices);
    if (reason !== undefined) this.mark([`iommusan: missing ${initialStateMissing(reason)}`]);
    return reason;
  }

  /** Ends it: what is in the buffers can still be read. */
  stop(): void {
    const events = new Set(this.instance.events.filter(event => event.definition).map(({ event }) => event));
    if (this.tracefs.exists('kprobe_profile')) {
      this.missed = missedCalls(this.tracefs.read('kprobe_profile'), events);
      this.mark(markersAtEnd(this.missed));
    }
    this.tracefs.write(`${this.instance.path}/tracing_on`, '0');
  }

  /** @returns what could not be set back */
  close(): string[] {
    process.removeListener('exit', this.atExit);
    return this.undo.run();
  }

  private mark(texts: readonly string[]): void {
    for (const text of texts) this.tracefs.write(`${this.instance.path}/trace_marker`, `${text}\n`);
  }
}

function setUp(tracefs: Tracefs, undo: UndoList, options: SessionOptions, bufferKib: number): Instance {
  const plan = planRecording(readKernelOffer(tracefs, systemFacts()), {
    preset: options.preset,
    group: groupName(process.pid),
    ...(options.stacks === undefined ? {} : { stacks: options.stacks }),
  });
  return setUpInstance(tracefs, undo, plan, {
    name: instanceName(process.pid),
    bufferKib,
    clock: CLOCK,
    devices: options.devices,
  });
}

/** 8 MiB per CPU where memory allows it, and all of them no more than a sixteenth of what is available. */
export function defaultBufferKib(cpus: number, availableMemoryKib: number): number {
  const share = Math.floor(availableMemoryKib / 16 / Math.max(1, cpus));
  return Math.max(512, Math.min(8192, share));
}

/** Prints, as shell commands, what {@link Session.open} and {@link Session.start} would write. */
export function rehearse(tracefs: Tracefs, options: SessionOptions): Instance {
  const undo = new UndoList();
  const bufferKib = options.bufferKib ?? defaultBufferKib(cpusOf(tracefs).length, availableKib());
  const instance = setUp(tracefs, undo, options, bufferKib);
  tracefs.write(`${instance.path}/tracing_on`, '1');
  for (const text of markersAtStart(instance.missing, boundDrivers())) {
    tracefs.write(`${instance.path}/trace_marker`, `${text}\n`);
  }
  if (options.initialState) {
    tellInitialState(text => tracefs.write(`${instance.path}/trace_marker`, `${text}\n`), options.devices);
  }
  undo.run();
  return instance;
}
