import { ByteReader } from '../file/byte-reader.ts';
import type { InputFile } from '../file/input-file.ts';
import { quoted, TraceError } from '../trace-error.ts';
import type { FileHeader } from './file-header.ts';
import { textNotes } from './latency-text.ts';
import { parseCommandNames, readEventFormats, readFtraceFormats, readHeaderInfo } from './metadata.ts';
import { interpretOptions, optionNotes } from './options.ts';
import { type RawOption, readRawOptions } from './raw-options.ts';
import type { CpuData, TraceBuffer, TraceDat, TraceText } from './trace-dat.ts';

/** Bytes in which the description is looked for, first and at most: Linux 7.2 with all events and symbols has 15 MB. */
const FIRST_WINDOW = 16 << 20;
const LARGEST_WINDOW = 256 << 20;

/** A version 6 file is one sequence, not compressed, with the event data last (trace-cmd.dat.v6.5). */
export async function readVersion6(file: InputFile, header: FileHeader): Promise<TraceDat> {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const isWhole = header.end + window >= file.size;
    try {
      return readWithin(file, header, window);
    } catch (error) {
      if (isWhole || window >= LARGEST_WINDOW || !(error instanceof TraceError)) throw error;
    }
  }
}

/** Reads a file whose description ends within the first `window` bytes. */
function readWithin(file: InputFile, header: FileHeader, window: number): TraceDat {
  const { littleEndian } = header;
  const bytes = file.readUpTo(header.end, window);
  const reader = new ByteReader(bytes, littleEndian, file.name, header.end, 'the description of the events');
  const { layout, headerPage, headerEvent } = readHeaderInfo(reader, file.name);
  const ftrace = readFtraceFormats(reader);
  const events = readEventFormats(reader);
  // Copied: a view would keep in memory all that was read here.
  const kallsyms = reader.slice(reader.u32()).slice();
  const printkFormats = reader.slice(reader.u32()).slice();
  const commandNames = reader.slice(reader.u64()).slice();
  const cpuCount = reader.u32();

  const { raw, cpus, textOffset } = readSequence(reader, file, cpuCount);
  const options = interpretOptions(raw, littleEndian, file.name);
  const top: TraceBuffer = {
    name: '',
    clock: options.clock ?? 'local',
    subBufferSize: layout.subBufferSize,
    compressed: false,
    cpus: cpus ?? [],
  };
  const instances = options.buffers.map(({ name, offset }) =>
    readInstance(file, header, name, offset, top, cpuCount),
  );
  const text: TraceText | undefined =
    textOffset === undefined
      ? undefined
      : {
          name: '',
          clock: top.clock,
          offset: textOffset,
          size: file.size - textOffset,
          compressed: false,
        };
  const buffers = text ? instances : [top, ...instances];
  return {
    file,
    version: 6,
    compression: 'none',
    decompress: undefined,
    littleEndian,
    longSize: header.longSize,
    pageSize: header.pageSize,
    layout,
    formats: [...ftrace, ...events],
    buffers,
    text: buffers.length === 0 ? text : undefined,
    kallsyms: { all: () => kallsyms },
    commandNames: parseCommandNames(commandNames),
    uname: options.uname,
    statistics: options.statistics,
    tsc2nsec: options.tsc2nsec,
    timeOffsetNs: options.timeOffsetNs,
    traceId: options.traceId,
    guests: options.guests,
    hostTraceId: options.hostTraceId,
    notes: [...optionNotes(options), ...textNotes(text ? [text] : [], buffers.length > 0)],
    asRecorded: {
      headerPage,
      headerEvent,
      printkFormats: () => printkFormats,
      commandNames,
      options: raw.map(option => ({ ...option, data: option.data.slice() })),
    },
    gaps: options.damaged.map(message => ({ offset: reader.base, message })),
  };
}

/** Bytes of `options  `, `latency  ` and `flyrecord`, each with its NUL. */
const TAG_LENGTH = 10;

/** The end of a version 6 file: options, then the table of its event data, or a text up to the end of the file. */
interface Sequence {
  readonly raw: readonly RawOption[];
  readonly cpus?: readonly CpuData[];
  readonly textOffset?: number;
}

function readSequence(reader: ByteReader, file: InputFile, cpuCount: number): Sequence {
  let raw: readonly RawOption[] = [];
  for (;;) {
    const tag = String.fromCharCode(...reader.slice(TAG_LENGTH)).replace(/[\0 ]+$/, '');
    switch (tag) {
      case 'options':
        raw = readRawOptions(reader, 6, file.name).options;
        break;
      case 'flyrecord':
        return { raw, cpus: readCpuTable(reader, cpuCount) };
      case 'latency':
        return { raw, textOffset: reader.base + reader.offset };
      default:
        throw new TraceError(
          file.name,
          `holds ${quoted(tag)} where options or event data should follow; it is damaged`,
        );
    }
  }
}

function readCpuTable(reader: ByteReader, cpuCount: number): CpuData[] {
  const cpus: CpuData[] = [];
  for (let cpu = 0; cpu < cpuCount; cpu++) cpus.push({ cpu, offset: reader.u64(), size: reader.u64() });
  return cpus;
}

/** An instance of a version 6 file: at its own offset another flyrecord table. */
function readInstance(
  file: InputFile,
  header: FileHeader,
  name: string,
  offset: number,
  top: TraceBuffer,
  cpuCount: number,
): TraceBuffer {
  const what = `the table of instance ${quoted(name)}`;
  const size = TAG_LENGTH + cpuCount * 16;
  const reader = new ByteReader(file.read(offset, size, what), header.littleEndian, file.name, offset, what);
  reader.slice(TAG_LENGTH);
  return { ...top, name, cpus: readCpuTable(reader, cpuCount) };
}
