import type { ByteReader } from '../file/byte-reader.ts';
import { latin1 } from '../file/latin1.ts';
import { TraceError } from '../trace-error.ts';
import { cpuStatistic, parseTraceClock } from './metadata.ts';
import { OPTION, SECTION } from './sections.ts';
import type { CpuStatistics } from './trace-dat.ts';

/** Options of these ids hold the offset of the section of the same id. */
const SECTION_IDS: ReadonlySet<number> = new Set(Object.values(SECTION));

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
  readonly clock: string | undefined;
  readonly uname: string | undefined;
  readonly cpuCount: number | undefined;
  readonly statistics: readonly CpuStatistics[];
  readonly buffers: readonly BufferOption[];
  /** Version 7: offsets of sections by section id. */
  readonly sections: ReadonlyMap<number, number>;
  /** Version 7: offset of the next options section; 0 at the last. */
  readonly next: number;
}

/**
 * Reads one options section to its end mark. Ids that are not known are skipped: newer writers add some.
 *
 * @param reader `undefined` for a file without options
 */
export function readOptions(reader: ByteReader | undefined, version: 6 | 7, file: string): Options {
  const statistics: CpuStatistics[] = [];
  const buffers: BufferOption[] = [];
  const sections = new Map<number, number>();
  let clock: string | undefined;
  let uname: string | undefined;
  let cpuCount: number | undefined;
  let next = 0;
  while (reader) {
    const id = reader.u16();
    if (id === OPTION.done && version === 6) break;
    const size = reader.u32();
    const start = reader.offset;
    const end = start + size;
    if (size > reader.remaining) {
      throw new TraceError(
        file,
        `has an option (id ${id}) of ${size} bytes, more than its section holds; it is damaged`,
      );
    }
    switch (id) {
      case OPTION.done:
        next = reader.u64();
        break;
      case OPTION.traceClock:
        clock = parseTraceClock(text(reader, size));
        break;
      case OPTION.uname:
        uname = text(reader, size);
        break;
      case OPTION.cpuStat: {
        const stat = text(reader, size);
        statistics.push({
          cpu: cpuStatistic(stat, 'CPU'),
          overrun: cpuStatistic(stat, 'overrun'),
          droppedEvents: cpuStatistic(stat, 'dropped events'),
        });
        break;
      }
      case OPTION.cpuCount:
        cpuCount = reader.u32();
        break;
      case OPTION.buffer: {
        const offset = reader.u64();
        const name = reader.cstring();
        buffers.push({ name, offset, rest: reader.slice(end - reader.offset) });
        break;
      }
      default:
        if (SECTION_IDS.has(id) && size === 8) sections.set(id, reader.u64());
    }
    reader.offset = end;
    if (id === OPTION.done) break;
  }
  return { clock, uname, cpuCount, statistics, buffers, sections, next };
}

function text(reader: ByteReader, size: number): string {
  const [content] = latin1(reader.slice(size)).split('\0', 1);
  return content?.trimEnd() ?? '';
}
