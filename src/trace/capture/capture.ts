import {
  cpuStatistic,
  type PageLayout,
  parseCommandNames,
  parseHeaderPage,
  parseTraceClock,
} from '../dat/metadata.ts';
import type { CpuData, CpuStatistics, TraceBuffer, TraceDat } from '../dat/trace-dat.ts';
import { type FormatText, readFormatHeader } from '../events/event-format.ts';
import { latin1 } from '../file/latin1.ts';
import type { Gap } from '../source.ts';
import { TraceError } from '../trace-error.ts';
import { contentOf, type Folder } from './folder.ts';

/** A text of tracefs has some KB, the symbols of a kernel some 10 MB: what is longer is none. */
const LONGEST_TEXT = 1 << 20;
const LONGEST_SYMBOLS = 256 << 20;

/** Formats at most; Linux 7.2 has 1700 events. */
const MOST_FORMATS = 20_000;

const FORMAT = /^events\/([^/]+)\/[^/]+\/format$/;
const DUMP = /^(?:instances\/([^/]+)\/)?per_cpu\/cpu(\d+)\/trace_pipe_raw$/;

/** Bytes of page size that Linux runs with. */
const PAGE_SIZES = [4096, 8192, 16_384, 65_536, 262_144];

/**
 * Describes a raw capture (docs/raw-capture.md) as a trace.dat is described: the same pages and the same formats,
 * in files of their own.
 *
 * @throws {@link TraceError} where it is none
 */
export function describeCapture(folder: Folder): TraceDat {
  const headerPage = text(folder, 'events/header_page');
  if (headerPage === '') {
    throw new TraceError(
      folder.name,
      'holds no events/header_page: no raw capture (docs/raw-capture.md). If a trace is in it, name that',
    );
  }
  const layout = parseHeaderPage(headerPage, folder.name);
  const gaps: Gap[] = folder.problems.map(message => ({ offset: 0, message }));
  const notes: string[] = [];
  const buffers = readBuffers(folder, layout);
  const main = folder.open('events/header_page');
  const littleEndian = isLittleEndian(buffers, layout);
  if (!main || buffers.length === 0) {
    throw new TraceError(
      folder.name,
      'holds no per_cpu/cpuN/trace_pipe_raw: nothing was recorded (docs/raw-capture.md)',
    );
  }
  const commandNames = contentOf(folder, 'saved_cmdlines', LONGEST_TEXT * 16) ?? new Uint8Array(0);
  if (!folder.paths.includes('trace_clock')) {
    notes.push('The capture does not say which clock was used (trace_clock is missing): "local" is assumed.');
  }
  return {
    file: main.file,
    name: folder.name,
    form: folder.form,
    close: () => folder.close(),
    version: 7,
    compression: 'none',
    decompress: undefined,
    littleEndian,
    longSize: layout.commitSize,
    pageSize: pageSizeOf(folder, layout),
    layout,
    formats: readFormats(folder),
    buffers,
    kallsyms: {
      *pieces() {
        const symbols = folder.open('kallsyms');
        if (!symbols || symbols.size > LONGEST_SYMBOLS) return;
        yield* symbols.file.pieces(symbols.offset, symbols.size);
      },
      all: () => contentOf(folder, 'kallsyms', LONGEST_SYMBOLS) ?? new Uint8Array(0),
    },
    commandNames: parseCommandNames(commandNames),
    uname: text(folder, 'uname').trim().split('\n', 1)[0] || undefined,
    statistics: readStatistics(folder),
    tsc2nsec: undefined,
    timeOffsetNs: 0,
    traceId: undefined,
    guests: [],
    hostTraceId: undefined,
    notes,
    asRecorded: {
      headerPage,
      headerEvent: text(folder, 'events/header_event'),
      printkFormats: () => contentOf(folder, 'printk_formats', LONGEST_TEXT) ?? new Uint8Array(0),
      commandNames,
      options: [],
    },
    gaps,
  };
}

function text(folder: Folder, path: string): string {
  return latin1(contentOf(folder, path, LONGEST_TEXT) ?? new Uint8Array(0));
}

function readFormats(folder: Folder): FormatText[] {
  const formats: FormatText[] = [];
  for (const path of folder.paths) {
    const system = FORMAT.exec(path)?.[1];
    if (system === undefined) continue;
    const format = readFormatHeader(system, text(folder, path));
    if (format) formats.push(format);
    if (formats.length === MOST_FORMATS) break;
  }
  return formats;
}

/** The main buffer and those of instances, each with its CPUs in order. */
function readBuffers(folder: Folder, layout: PageLayout): TraceBuffer[] {
  const cpusOf = new Map<string, CpuData[]>();
  for (const path of folder.paths) {
    const [, instance = '', cpu] = DUMP.exec(path) ?? [];
    const dump = cpu === undefined ? undefined : folder.open(path);
    if (!dump) continue;
    const cpus = cpusOf.get(instance) ?? [];
    cpusOf.set(instance, cpus);
    cpus.push({ cpu: Number(cpu), offset: dump.offset, size: dump.size, file: dump.file });
  }
  return [...cpusOf]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, cpus]) => ({
      name,
      clock: clockOf(folder, name),
      subBufferSize: layout.subBufferSize,
      compressed: false,
      cpus: cpus.sort((a, b) => a.cpu - b.cpu),
    }));
}

function clockOf(folder: Folder, instance: string): string {
  const own = instance === '' ? '' : text(folder, `instances/${instance}/trace_clock`);
  return parseTraceClock(own || text(folder, 'trace_clock')) ?? 'local';
}

function readStatistics(folder: Folder): CpuStatistics[] {
  return folder.paths.flatMap(path => {
    const cpu = /^per_cpu\/cpu(\d+)\/stats$/.exec(path)?.[1];
    if (cpu === undefined) return [];
    const stats = text(folder, path);
    return [
      {
        cpu: Number(cpu),
        overrun: cpuStatistic(stats, 'overrun'),
        droppedEvents: cpuStatistic(stats, 'dropped events'),
      },
    ];
  });
}

function pageSizeOf(folder: Folder, layout: PageLayout): number {
  const stated = Number(text(folder, 'page_size'));
  if (PAGE_SIZES.includes(stated)) return stated;
  return PAGE_SIZES.includes(layout.subBufferSize) ? layout.subBufferSize : 4096;
}

/** Sub-buffers whose lengths are looked at for the order of bytes. */
const SAMPLES = 16;

/** Nothing states the order of bytes, but the length of a sub-buffer makes sense in one order only. */
function isLittleEndian(buffers: readonly TraceBuffer[], layout: PageLayout): boolean {
  let little = 0;
  let big = 0;
  for (const { file, offset, size } of buffers.flatMap(buffer => buffer.cpus)) {
    for (let i = 0; i < SAMPLES && (i + 1) * layout.subBufferSize <= size; i++) {
      const at = offset + i * layout.subBufferSize + layout.commitOffset;
      const bytes = file?.readUpTo(at, layout.commitSize);
      if (!bytes || bytes.length < layout.commitSize) continue;
      const view = new DataView(bytes.buffer);
      const fits = (low: number): boolean => low > 0 && (low & 0x3fff_ffff) <= layout.subBufferSize;
      if (fits(view.getUint32(0, true))) little++;
      if (fits(view.getUint32(layout.commitSize - 4, false))) big++;
    }
  }
  return little >= big;
}
