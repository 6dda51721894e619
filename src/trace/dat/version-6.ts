import { ByteReader } from '../file/byte-reader.ts';
import type { InputFile } from '../file/input-file.ts';
import { quoted, TraceError } from '../trace-error.ts';
import type { FileHeader } from './file-header.ts';
import { parseCommandNames, readEventFormats, readFtraceFormats, readHeaderInfo } from './metadata.ts';
import { readOptions } from './options.ts';
import type { CpuData, TraceBuffer, TraceDat } from './trace-dat.ts';

/**
 * A version 6 file is one sequence, not compressed, with the event data last (trace-cmd.dat.v6.5).
 * Everything before the data is read at once; it has the size of the formats and symbols.
 */
export async function readVersion6(file: InputFile, header: FileHeader): Promise<TraceDat> {
  const bytes = file.readUpTo(header.end, Math.min(file.size - header.end, METADATA_LIMIT));
  const reader = new ByteReader(
    bytes,
    header.littleEndian,
    file.name,
    header.end,
    'the description of the events',
  );
  const layout = readHeaderInfo(reader, file.name);
  const ftrace = readFtraceFormats(reader);
  const events = readEventFormats(reader);
  // Copied: a view would keep in memory all that was read here.
  const kallsyms = reader.slice(reader.u32()).slice();
  reader.slice(reader.u32()); // printk formats
  const commandNames = parseCommandNames(reader.slice(reader.u64()));
  const cpuCount = reader.u32();

  const options = readSequence(reader, file, cpuCount);
  const top: TraceBuffer = {
    name: '',
    clock: options.clock ?? 'local',
    subBufferSize: layout.subBufferSize,
    compressed: false,
    cpus: options.cpus,
  };
  const instances = options.buffers.map(({ name, offset }) => readInstance(file, header, name, offset, top));
  return {
    file,
    version: 6,
    compression: 'none',
    decompress: undefined,
    littleEndian: header.littleEndian,
    longSize: header.longSize,
    pageSize: header.pageSize,
    layout,
    formats: [...ftrace, ...events],
    buffers: [top, ...instances],
    kallsyms: { beginning: () => undefined, all: () => kallsyms },
    commandNames,
    uname: options.uname,
    statistics: options.statistics,
    gaps: [],
  };
}

/** Far above any description: Linux 7.2 with all events and symbols needs some 15 MB. */
const METADATA_LIMIT = 512 << 20;

/** Bytes of `options  `, `latency  ` and `flyrecord`, each with its NUL. */
const TAG_LENGTH = 10;

function readSequence(reader: ByteReader, file: InputFile, cpuCount: number) {
  let options = readOptions(undefined, 6, file.name);
  for (;;) {
    const tag = String.fromCharCode(...reader.slice(TAG_LENGTH)).replace(/[\0 ]+$/, '');
    switch (tag) {
      case 'options':
        options = readOptions(reader, 6, file.name);
        break;
      case 'flyrecord':
        return { ...options, cpus: readCpuTable(reader, cpuCount) };
      case 'latency':
        throw new TraceError(
          file.name,
          'holds a latency report as text, not events; record it with trace-cmd record',
        );
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
): TraceBuffer {
  const what = `the table of instance ${quoted(name)}`;
  const size = TAG_LENGTH + top.cpus.length * 16;
  const reader = new ByteReader(file.read(offset, size, what), header.littleEndian, file.name, offset, what);
  reader.slice(TAG_LENGTH);
  return { ...top, name, cpus: readCpuTable(reader, top.cpus.length) };
}
