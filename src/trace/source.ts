import type { KernelEvents } from '../kernel/events.ts';
import type { Capabilities, SourceNames } from '../kernel/source.ts';
import type { EventFormat } from './events/event-format.ts';
import type { EventHandler } from './events/raw-event.ts';
import type { WalkResult } from './events/walk.ts';

/** Called with the bytes of event data read so far, and with their sum; a sum of 0 is unknown. */
export type Progress = (done: number, total: number) => void;

/** A part of the input that could not be read. */
export interface Gap {
  /** Of several files the one; absent where the input is one file. */
  readonly file?: string;
  readonly offset: number;
  readonly message: string;
}

/** One ring buffer of a recording: the main one has the empty name, others are instances of tracefs. */
export interface SourceBuffer {
  readonly name: string;
  readonly clock: string;
  readonly cpus: readonly number[];
}

/** What an input says of itself. */
export interface SourceDescription {
  /** The files that it consists of, as the caller named them. */
  readonly files: readonly string[];
  /** `trace.dat version 7 (zstd)` */
  readonly format: string;
  /** `uname -srm` of the recorded machine, where the input has it. */
  readonly uname: string | undefined;
  /** The recorded kernel's page size in bytes. */
  readonly pageSize: number;
  readonly buffers: readonly SourceBuffer[];
}

/** The name of a form of input with what it is compressed by: `tracefs text, compressed by gzip`. */
export function inContainer(format: string, container: string | undefined): string {
  return container === undefined ? format : `${format}, compressed by ${container}`;
}

/**
 * A recorded trace of any form. Whoever reads one knows nothing of trace.dat, perf.data or text: events come as
 * {@link KernelEvents} from `run`, or as records with their formats from `walk`. Either may be called once.
 *
 * A source whose input can only be read as it comes (a pipe, a compressed text) answers with a promise.
 */
export interface Source {
  /** Text tells its clock and CPUs as it goes: complete after the run. */
  readonly description: SourceDescription;
  readonly names: SourceNames;
  /** What the events have shown; complete after the run. */
  readonly capabilities: Capabilities;
  /** Grows while the input is read. */
  readonly gaps: readonly Gap[];
  /** What this form of input cannot tell, and what was odd about this one; complete after the run. */
  readonly notes: readonly string[];
  /** Why a frame of a stack may have no name: a sentence for a reader who sees one. */
  readonly whyNameless: string;

  /** How its records lie in memory, for code that reads them by itself; absent where it cannot. */
  readonly records?: 'sub-buffers' | 'batches';
  /** The format of the records with this `common_type`; of text, for those that were seen. */
  format(id: number): EventFormat | undefined;
  /** Plays all events in the order of their time. */
  run(sink: KernelEvents, progress?: Progress): WalkResult | Promise<WalkResult>;
  /** Walks all records without binding them: for statistics, conversion and tools of one's own. */
  walk(
    handlerFor: (id: number) => EventHandler | undefined,
    loss: Pick<KernelEvents, 'eventsLost'>,
    progress?: Progress,
  ): WalkResult | Promise<WalkResult>;
  close(): void;
}
