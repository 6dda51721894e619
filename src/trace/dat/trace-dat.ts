import type { FormatText } from '../events/event-format.ts';
import type { Decompress } from '../file/decompress.ts';
import type { InputFile } from '../file/input-file.ts';
import type { Gap } from '../source.ts';
import type { PageLayout } from './metadata.ts';

/** Recorded sub-buffers of one CPU. */
export interface CpuData {
  readonly cpu: number;
  /** Offset in the file of the first sub-buffer or, where compressed, of the count of chunks. */
  readonly offset: number;
  /** Bytes in the file. */
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

/** `per_cpu/cpuN/stats` when the recording ended. */
export interface CpuStatistics {
  readonly cpu: number;
  readonly overrun: number;
  readonly droppedEvents: number;
}

/** The text of `/proc/kallsyms` in a file, some MB of it: decompressed when asked for, and not kept. */
export interface KallsymsSource {
  /** About the first `fraction` of the text; `undefined` where that is not to be had for less than all of it. */
  beginning(fraction: number): Uint8Array | undefined;
  /** Empty where the file has none, or it cannot be read. */
  all(): Uint8Array;
}

/** A trace.dat, described but not yet read: events stay in the file until a cursor walks them. */
export interface TraceDat {
  readonly file: InputFile;
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
  readonly kallsyms: KallsymsSource;
  readonly commandNames: ReadonlyMap<number, string>;
  readonly uname: string | undefined;
  readonly statistics: readonly CpuStatistics[];
  /** Grows while the file is read. */
  readonly gaps: Gap[];
}
