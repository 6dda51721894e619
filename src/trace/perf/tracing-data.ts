import {
  type PageLayout,
  parseCommandNames,
  readEventFormats,
  readFtraceFormats,
  readHeaderInfo,
} from '../dat/metadata.ts';
import type { FormatText } from '../events/event-format.ts';
import { ByteReader } from '../file/byte-reader.ts';
import { latin1 } from '../file/latin1.ts';
import { TraceError } from '../trace-error.ts';

/** What perf copies of tracefs: how the records of each tracepoint are laid out. */
export interface TracingData {
  readonly longSize: number;
  readonly pageSize: number;
  readonly layout: PageLayout;
  readonly formats: readonly FormatText[];
  /** Empty since Linux 4.4: perf keeps symbols elsewhere. */
  readonly kallsyms: Uint8Array;
  readonly commandNames: ReadonlyMap<number, string>;
}

/** 0x17 0x08 0x44 and "tracing" */
const MAGIC = '\x17\x08Dtracing';

/**
 * The tracing data of a perf.data, which is laid out as the beginning of a trace.dat of version 6
 * (tools/perf/util/trace-event-info.c).
 *
 * @throws {@link TraceError} where it is damaged
 */
export function readTracingData(bytes: Uint8Array, file: string, offset: number): TracingData {
  const what = 'the formats of the events';
  const start = new ByteReader(bytes, true, file, offset, what);
  if (latin1(start.slice(MAGIC.length)) !== MAGIC) {
    throw new TraceError(file, 'has no tracing data where it says it has: it is damaged', offset);
  }
  start.cstring(); // version, 0.5 or 0.6
  const reader = new ByteReader(bytes, start.u8() === 0, file, offset, what);
  reader.offset = start.offset;
  const longSize = reader.u8();
  const pageSize = reader.u32();
  if (longSize !== 4 && longSize !== 8) {
    throw new TraceError(file, `says that a long has ${longSize} bytes; 4 or 8 is expected`, offset);
  }
  const { layout } = readHeaderInfo(reader, file);
  const ftrace = readFtraceFormats(reader);
  const events = readEventFormats(reader);
  const kallsyms = reader.slice(reader.u32()).slice();
  reader.slice(reader.u32()); // printk formats
  // Since version 0.6.
  const commandNames =
    reader.remaining >= 8 ? reader.slice(Math.min(reader.u64(), reader.remaining)) : new Uint8Array(0);
  return {
    longSize,
    pageSize,
    layout,
    formats: [...ftrace, ...events],
    kallsyms,
    commandNames: parseCommandNames(commandNames),
  };
}
