import { ByteReader } from '../file/byte-reader.ts';
import { latin1 } from '../file/latin1.ts';
import { TraceError } from '../trace-error.ts';
import { cpuStatistic, parseTraceClock } from './metadata.ts';
import type { RawOption } from './raw-options.ts';
import { OPTION, SECTION } from './sections.ts';
import type { CpuStatistics, GuestRecording, Tsc2Nsec } from './trace-dat.ts';

/** Options of these ids hold the offset of the section of the same id. */
const SECTION_IDS: ReadonlySet<number> = new Set(Object.values(SECTION));

/** Options that say nothing which matters here: hooks, the writer's version, maps of processes. */
const PASSED_OVER: ReadonlySet<number> = new Set([OPTION.hook, OPTION.version, OPTION.processMaps]);

/** A buffer as an options section names it. */
export interface BufferOption {
  readonly name: string;
  /** Of its data section. */
  readonly offset: number;
  /** Version 7 only: the rest of the option, to be read by {@link readVersion7}. */
  readonly rest: Uint8Array;
}

/** What the options of a file say, whatever the version. */
export interface Options {
  clock?: string;
  uname?: string;
  cpuCount?: number;
  readonly statistics: CpuStatistics[];
  readonly buffers: BufferOption[];
  /** Version 7: instances that hold the text of a latency tracer instead of events. */
  readonly texts: BufferOption[];
  /** What is to be added to each time: the options DATE, in microseconds, and OFFSET, in nanoseconds. */
  timeOffsetNs: number;
  tsc2nsec?: Tsc2Nsec;
  /** Identifies the recording for files that were made beside it, in hexadecimal. */
  traceId?: string;
  readonly guests: GuestRecording[];
  /** The id of the host's recording, in a guest's file whose clock was compared with the host's. */
  hostTraceId?: string;
  /** Ids that are not known: newer writers add some. */
  readonly unknown: number[];
  /** Version 7: offsets of sections by section id. */
  readonly sections: Map<number, number>;
  /** Options that cannot be read, as sentences. */
  readonly damaged: string[];
}

/** Reads what options say. One that cannot be read costs only what it would have said. */
export function interpretOptions(raw: readonly RawOption[], littleEndian: boolean, file: string): Options {
  const options: Options = {
    statistics: [],
    buffers: [],
    texts: [],
    timeOffsetNs: 0,
    guests: [],
    unknown: [],
    sections: new Map(),
    damaged: [],
  };
  for (const { id, offset, data } of raw) {
    const reader = new ByteReader(data, littleEndian, file, offset, `the option with id ${id}`);
    try {
      interpret(options, id, reader);
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      options.damaged.push(error.message);
    }
  }
  return options;
}

function interpret(options: Options, id: number, reader: ByteReader): void {
  switch (id) {
    case OPTION.date:
      options.timeOffsetNs += wholeNumber(text(reader)) * 1000;
      break;
    case OPTION.offset:
      options.timeOffsetNs += wholeNumber(text(reader));
      break;
    case OPTION.traceClock: {
      const clock = parseTraceClock(text(reader));
      if (clock !== undefined) options.clock = clock;
      break;
    }
    case OPTION.uname:
      options.uname = text(reader);
      break;
    case OPTION.cpuStat: {
      const stat = text(reader);
      options.statistics.push({
        cpu: cpuStatistic(stat, 'CPU'),
        overrun: cpuStatistic(stat, 'overrun'),
        droppedEvents: cpuStatistic(stat, 'dropped events'),
      });
      break;
    }
    case OPTION.cpuCount:
      options.cpuCount = reader.u32();
      break;
    case OPTION.buffer:
    case OPTION.bufferText: {
      const offset = reader.u64();
      const name = reader.cstring();
      const list = id === OPTION.buffer ? options.buffers : options.texts;
      list.push({ name, offset, rest: reader.slice(reader.remaining) });
      break;
    }
    case OPTION.tsc2nsec:
      options.tsc2nsec = { multiplier: reader.u32(), shift: reader.u32() };
      break;
    case OPTION.traceId:
      options.traceId = reader.hex64();
      break;
    case OPTION.timeShift:
      options.hostTraceId = reader.hex64();
      break;
    case OPTION.guest: {
      const name = reader.cstring();
      options.guests.push({ name, traceId: reader.hex64() });
      break;
    }
    default:
      if (SECTION_IDS.has(id)) {
        if (reader.remaining === 8) options.sections.set(id, reader.u64());
      } else if (!PASSED_OVER.has(id)) options.unknown.push(id);
  }
}

/** The text of an option, without its NUL. */
function text(reader: ByteReader): string {
  const [content] = latin1(reader.slice(reader.remaining)).split('\0', 1);
  return content?.trimEnd() ?? '';
}

/** What `strtoll()` with base 0 makes of a text; 0 for what is no number. */
function wholeNumber(digits: string): number {
  const [, sign, rest] = /^\s*([+-]?)(0x[0-9a-f]+|\d+)/i.exec(digits) ?? [];
  if (rest === undefined) return 0;
  return sign === '-' ? -Number(rest) : Number(rest);
}

/** Sentences about what was passed over. */
export function optionNotes({ unknown }: Pick<Options, 'unknown'>): string[] {
  const ids = [...new Set(unknown)];
  if (ids.length === 0) return [];
  return [
    `Some options of the file are not known and were skipped (${ids.length === 1 ? 'id' : 'ids'} ${ids.slice(0, 10).join(', ')}): it was written by a newer trace-cmd.`,
  ];
}
