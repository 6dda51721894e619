import type { FormatText } from '../events/event-format.ts';
import type { Decompress } from '../file/decompress.ts';
import type { InputFile } from '../file/input-file.ts';
import type { Gap } from '../source.ts';
import type { PageLayout } from './metadata.ts';
import type { RawOption } from './raw-options.ts';

/** Recorded sub-buffers of one CPU. */
export interface CpuData {
  readonly cpu: number;
  /** Offset in the file of the first sub-buffer or, where compressed, of the count of chunks. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly size: number;
  /** The file, where it is not that of the whole recording: a raw capture has one for each CPU. */
  readonly file?: InputFile;
  /** Where the data is not in one piece: what an unfinished file of iommusan has of this CPU, in order. */
  readonly pieces?: readonly Piece[];
}

/** A part of a CPU's data: one chunk where it is compressed, else whole sub-buffers. */
export interface Piece {
  readonly offset: number;
  readonly size: number;
}

/** One trace instance of a recording; the top one has the empty name. */
export interface TraceBuffer {
  readonly name: string;
  readonly clock: string;
  readonly subBufferSize: number;
  readonly compressed: boolean;
  readonly cpus: readonly CpuData[];
}

/** The text of a latency tracer: trace-cmd saves what tracefs prints, in place of events. */
export interface TraceText {
  readonly name: string;
  readonly clock: string;
  /** Offset in the file of the text or, where compressed, of the count of chunks. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly size: number;
  readonly compressed: boolean;
}

/** `per_cpu/cpuN/stats` when the recording ended. */
export interface CpuStatistics {
  readonly cpu: number;
  readonly overrun: number;
  readonly droppedEvents: number;
}

/** How to turn the ticks of the clock `x86-tsc` into nanoseconds: `(ticks * multiplier) >> shift`. */
export interface Tsc2Nsec {
  readonly multiplier: number;
  readonly shift: number;
}

/** A guest that was recorded together with its host, into a file of its own. */
export interface GuestRecording {
  readonly name: string;
  /** The {@link TraceDat.traceId} of the guest's file. */
  readonly traceId: string;
}

/** The text of `/proc/kallsyms` in a file, some MB of it: decompressed when asked for, and not kept. */
export interface KallsymsSource {
  /**
   * The text from its beginning, each piece valid until the next is asked for. They end where more is not to be had for
   * less than all of it, or is damaged. Absent where nothing costs less than all.
   */
  pieces?(): Generator<Uint8Array>;
  /** Empty where the file has none, or it cannot be read. */
  all(): Uint8Array;
}

/** Parts of a description as the file has them: a copy of the file takes them over. */
export interface AsRecorded {
  readonly headerPage: string;
  readonly headerEvent: string;
  /** tracefs `printk_formats`: what `%s` in a trace_printk() means, for readers that print it. */
  printkFormats(): Uint8Array;
  /** tracefs `saved_cmdlines` */
  readonly commandNames: Uint8Array;
  readonly options: readonly RawOption[];
}

/** A trace.dat, described but not yet read: events stay in the file until a cursor walks them. */
export interface TraceDat {
  readonly file: InputFile;
  /** Of a recording that is no single file: its name, what it is, and how all of it is closed. */
  readonly name?: string;
  readonly form?: string;
  readonly close?: () => void;
  /** 6 or 7. */
  readonly version: number;
  /** `none`, `zstd` or `zlib`. */
  readonly compression: string;
  readonly decompress: Decompress | undefined;
  readonly littleEndian: boolean;
  /** `sizeof(long)` of the recording user space. */
  readonly longSize: number;
  /** The recorded kernel's page size in bytes. */
  readonly pageSize: number;
  readonly layout: PageLayout;
  readonly formats: readonly FormatText[];
  readonly buffers: readonly TraceBuffer[];
  /** In a file without buffers: the text that it holds instead. */
  readonly text?: TraceText | undefined;
  readonly kallsyms: KallsymsSource;
  readonly commandNames: ReadonlyMap<number, string>;
  readonly uname: string | undefined;
  readonly statistics: readonly CpuStatistics[];
  readonly tsc2nsec: Tsc2Nsec | undefined;
  /** What is to be added to each time (`trace-cmd record --date` and `--ts-offset`). */
  readonly timeOffsetNs: number;
  /** Identifies the recording for files that were made beside it. */
  readonly traceId: string | undefined;
  readonly guests: readonly GuestRecording[];
  /** In the file of a guest: the id of its host's recording. */
  readonly hostTraceId: string | undefined;
  /** What in the file was skipped because it is not known, as sentences. */
  readonly notes: readonly string[];
  readonly asRecorded: AsRecorded;
  /** Grows while the file is read. */
  readonly gaps: Gap[];
}
