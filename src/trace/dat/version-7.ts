import { ByteReader } from '../file/byte-reader.ts';
import { loadDecompressor, loadPiecewiseDecompressor } from '../file/decompress.ts';
import type { InputFile } from '../file/input-file.ts';
import type { Gap } from '../source.ts';
import { quoted, TraceError } from '../trace-error.ts';
import type { FileHeader } from './file-header.ts';
import { textNotes, textToRead } from './latency-text.ts';
import {
  type PageLayout,
  parseCommandNames,
  readEventFormats,
  readFtraceFormats,
  readHeaderInfo,
  SMALLEST_SUB_BUFFER,
} from './metadata.ts';
import { type BufferOption, interpretOptions, type Options, optionNotes } from './options.ts';
import { type RawOption, readRawOptions } from './raw-options.ts';
import { recoverBuffer } from './recover-buffer.ts';
import { recoverPartial } from './recover-partial.ts';
import { Sections } from './section-reader.ts';
import { SECTION, SECTION_COMPRESSED, SECTION_HEADER_SIZE } from './sections.ts';
import type { CpuData, TraceBuffer, TraceDat, TraceText } from './trace-dat.ts';

/**
 * A version 7 file is a set of sections; a chain of options sections says where each is (trace-cmd.dat.v7.5). The
 * last options section, which locates the event data, stands at the end: a file that was cut short lacks it,
 * and the data is then found by walking the sections.
 */
export async function readVersion7(file: InputFile, header: FileHeader): Promise<TraceDat> {
  const start = new ByteReader(
    file.readUpTo(header.end, 256),
    header.littleEndian,
    file.name,
    header.end,
    'the file header',
  );
  const compression = start.cstring();
  start.cstring(); // version of the compression library
  const firstOptions = start.u64();
  const decompress = await loadDecompressor(compression, file.name);
  const pieces = await loadPiecewiseDecompressor(compression);
  const sections = new Sections(file, header.littleEndian, decompress, pieces);
  const gaps: Gap[] = [];

  const chain = readOptionChain(sections, firstOptions, file, gaps);
  const options = interpretOptions(chain.options, header.littleEndian, file.name);
  for (const message of options.damaged) gaps.push({ offset: firstOptions, message });
  const place = (id: number): number | undefined => options.sections.get(id);
  const required = (id: number, what: string): ByteReader => {
    const offset = place(id);
    if (offset === undefined)
      throw new TraceError(file.name, `does not say where ${what} is; it is cut short or damaged`);
    return sections.read(offset, id, what);
  };

  const { layout, headerPage, headerEvent } = readHeaderInfo(
    required(SECTION.headerInfo, 'the layout of its pages'),
    file.name,
  );
  const ftraceOffset = place(SECTION.ftraceEvents);
  const ftrace =
    ftraceOffset === undefined
      ? []
      : readFtraceFormats(
          sections.read(ftraceOffset, SECTION.ftraceEvents, "the formats of ftrace's own events"),
        );
  const events = readEventFormats(required(SECTION.eventFormats, 'the formats of the events'));

  const optional = (id: number, what: string): Uint8Array => {
    const offset = place(id);
    if (offset === undefined) return new Uint8Array(0);
    try {
      const reader = sections.read(offset, id, what);
      return reader.slice(id === SECTION.cmdlines ? reader.u64() : reader.u32());
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      gaps.push({ offset, message: `${what} cannot be read: ${error.message}` });
      return new Uint8Array(0);
    }
  };

  let buffers = options.buffers.map(option => readBuffer(option, file, header, options));
  const hasEvents = buffers.length > 0;
  const textOption = hasEvents ? undefined : textToRead(options.texts);
  const text = textOption && readTextOption(textOption, sections, file, header, options);
  if (!hasEvents && !text) {
    buffers = recoverBuffers(sections, file, chain.end, options, layout, header, compression);
    if (buffers.length === 0) {
      throw new TraceError(
        file.name,
        'holds no event data: the file ends before it; record it again',
        file.size,
      );
    }
    gaps.push({
      offset: file.size,
      message: 'the file is cut short: the end of the event data is missing, what came before it was read',
    });
  }

  const kallsymsOffset = place(SECTION.kallsyms);
  const commandNames = optional(SECTION.cmdlines, 'the command names');
  return {
    file,
    version: 7,
    compression,
    decompress,
    littleEndian: header.littleEndian,
    longSize: header.longSize,
    pageSize: header.pageSize,
    layout,
    formats: [...ftrace, ...events],
    buffers,
    text,
    kallsyms: {
      *pieces() {
        if (kallsymsOffset === undefined) return;
        let skip = KALLSYMS_LENGTH;
        for (const piece of sections.pieces(kallsymsOffset, SECTION.kallsyms)) {
          yield piece.subarray(skip);
          skip = Math.max(0, skip - piece.length);
        }
      },
      all: () => optional(SECTION.kallsyms, 'the kernel symbols'),
    },
    commandNames: parseCommandNames(commandNames),
    uname: options.uname,
    statistics: options.statistics,
    tsc2nsec: options.tsc2nsec,
    timeOffsetNs: options.timeOffsetNs,
    traceId: options.traceId,
    guests: options.guests,
    hostTraceId: options.hostTraceId,
    notes: [...optionNotes(options), ...textNotes(options.texts, hasEvents)],
    asRecorded: {
      headerPage,
      headerEvent,
      printkFormats: () => optional(SECTION.printk, 'the printk formats'),
      commandNames,
      options: chain.options,
    },
    gaps,
  };
}

/** Bytes of the length that the text of the symbols section follows. */
const KALLSYMS_LENGTH = 4;

/** The options of all sections, and where the last section that could be read ends. */
interface OptionChain {
  readonly options: readonly RawOption[];
  readonly end: number;
}

function readOptionChain(sections: Sections, first: number, file: InputFile, gaps: Gap[]): OptionChain {
  const options: RawOption[] = [];
  const seen = new Set<number>();
  let end = 0;
  for (let offset = first; offset !== 0; ) {
    if (seen.has(offset)) {
      gaps.push({ offset, message: 'the options sections form a ring; the rest of the chain was not read' });
      break;
    }
    if (offset + SECTION_HEADER_SIZE > file.size) {
      if (seen.size > 0) break;
      throw new TraceError(
        file.name,
        `is cut short: it has ${file.size} bytes, and its description of the events should be at byte ${offset}; nothing can be read without it`,
      );
    }
    try {
      const part = readRawOptions(sections.read(offset, SECTION.options, 'the options'), 7, file.name);
      end = sections.endOf(offset);
      for (const option of part.options) options.push(option);
      seen.add(offset);
      offset = part.next;
    } catch (error) {
      // The first section describes the events; a later one that cannot be read costs only what it says.
      if (!(error instanceof TraceError) || seen.size === 0) throw error;
      gaps.push({ offset, message: `some options were not read: ${error.message}` });
      break;
    }
  }
  return { options, end };
}

/** The buffers of a file that ends before it says where they are; none where it ends before them. */
function recoverBuffers(
  sections: Sections,
  file: InputFile,
  from: number,
  { cpuCount = 1, clock }: Options,
  layout: PageLayout,
  { littleEndian }: FileHeader,
  compression: string,
): TraceBuffer[] {
  const isCompressed = compression !== 'none' && compression !== '';
  const partial = recoverPartial(sections, file, from, littleEndian, isCompressed);
  if (partial.length > 0) return partial;
  const found = recoverBuffer(sections, file, from, cpuCount, clock, layout, littleEndian);
  return found ? [found] : [];
}

/** Where a text is: the option names its section, as that of a buffer does, and its clock. */
function readTextOption(
  { name, offset, rest }: BufferOption,
  sections: Sections,
  file: InputFile,
  header: FileHeader,
  options: Options,
): TraceText {
  const { id, compressed, size } = sections.header(offset);
  if (id !== SECTION.bufferText) {
    throw new TraceError(
      file.name,
      `has a section of kind ${id} where the text of a latency tracer (kind ${SECTION.bufferText}) should be; it is damaged`,
      offset,
    );
  }
  const what = `the text option ${quoted(name)}`;
  const reader = new ByteReader(rest, header.littleEndian, file.name, offset, what);
  const clock = reader.remaining > 0 ? reader.cstring() : '';
  return {
    name,
    clock: clock || options.clock || 'local',
    offset: offset + SECTION_HEADER_SIZE,
    size,
    compressed,
  };
}

/** Bytes of one CPU's entry in a buffer option: u32 id, u64 offset, u64 size. */
const CPU_ENTRY = 20;

function readBuffer(
  option: BufferOption,
  file: InputFile,
  header: FileHeader,
  options: Options,
): TraceBuffer {
  const what = `the buffer option ${quoted(option.name)}`;
  const reader = new ByteReader(option.rest, header.littleEndian, file.name, option.offset, what);
  const clock = reader.cstring();
  // Writers before trace-cmd 3.2 have no page size here; what remains tells which it is.
  const first = reader.u32();
  const hasPageSize = reader.remaining % CPU_ENTRY === 4;
  const cpuCount = hasPageSize ? reader.u32() : first;
  const subBufferSize = hasPageSize ? first : header.pageSize;
  if (subBufferSize < SMALLEST_SUB_BUFFER || subBufferSize % 4 !== 0) {
    const problem = subBufferSize < SMALLEST_SUB_BUFFER ? 'less than a page' : 'not a multiple of 4';
    throw new TraceError(
      file.name,
      `${what} has sub-buffers of ${subBufferSize} bytes, ${problem}; the file is damaged`,
    );
  }
  if (cpuCount * CPU_ENTRY > reader.remaining) {
    throw new TraceError(
      file.name,
      `${what} claims ${cpuCount} CPUs, but has room for ${Math.floor(reader.remaining / CPU_ENTRY)}; the file is damaged`,
    );
  }
  const cpus: CpuData[] = [];
  for (let i = 0; i < cpuCount; i++) {
    cpus.push({ cpu: reader.u32(), offset: reader.u64(), size: reader.u64() });
  }
  const flags = new ByteReader(
    file.readUpTo(option.offset, SECTION_HEADER_SIZE),
    header.littleEndian,
    file.name,
    option.offset,
    what,
  );
  flags.u16();
  return {
    name: option.name,
    clock: clock || options.clock || 'local',
    subBufferSize,
    compressed: (flags.u16() & SECTION_COMPRESSED) !== 0,
    cpus,
  };
}
