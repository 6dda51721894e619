import type { InputFile } from '../file/input-file.ts';
import type { PageLayout } from './metadata.ts';
import type { Sections } from './section-reader.ts';
import { SECTION, SECTION_HEADER_SIZE } from './sections.ts';
import type { CpuData, TraceBuffer } from './trace-dat.ts';

/** trace-cmd starts each CPU's data at a multiple of this. */
const DATA_ALIGNMENT = 4096;

/**
 * Finds the event data of a version 7 file whose last options section is missing: sections follow each other, and
 * in the data section the CPUs do, in order, each at a page boundary. Compressed data says how long it is;
 * of uncompressed data only the first CPU's can be told.
 *
 * @param from offset of the first section to look at
 * @returns `undefined` where the file ends before any data
 */
export function recoverBuffer(
  sections: Sections,
  file: InputFile,
  from: number,
  cpuCount: number,
  clock: string | undefined,
  layout: PageLayout,
  littleEndian: boolean,
): TraceBuffer | undefined {
  let offset = from;
  while (offset + SECTION_HEADER_SIZE <= file.size) {
    const header = sections.header(offset);
    if (header.id === SECTION.buffer) {
      const body = offset + SECTION_HEADER_SIZE;
      const cpus = header.compressed ? findChunks(file, body, cpuCount, littleEndian) : firstCpu(file, body);
      return {
        name: '',
        clock: clock ?? 'local',
        subBufferSize: layout.subBufferSize,
        compressed: header.compressed,
        cpus,
      };
    }
    offset = sections.endOf(offset);
  }
  return undefined;
}

function firstCpu(file: InputFile, body: number): CpuData[] {
  const offset = align(body);
  return [{ cpu: 0, offset, size: Math.max(0, file.size - offset) }];
}

function findChunks(file: InputFile, body: number, cpuCount: number, littleEndian: boolean): CpuData[] {
  const cpus: CpuData[] = [];
  let offset = align(body);
  for (let cpu = 0; cpu < cpuCount && offset + 4 <= file.size; cpu++) {
    const end = endOfChunks(file, offset, littleEndian);
    cpus.push({ cpu, offset, size: end - offset });
    offset = align(end);
  }
  return cpus;
}

/** Walks `u32 count, count * (u32 stored, u32 size, bytes)`; ends early where the file does. */
function endOfChunks(file: InputFile, start: number, littleEndian: boolean): number {
  const count = word(file, start, littleEndian);
  let offset = start + 4;
  for (let i = 0; i < count && offset + 8 <= file.size; i++) offset += 8 + word(file, offset, littleEndian);
  return Math.min(offset, file.size);
}

function word(file: InputFile, offset: number, littleEndian: boolean): number {
  const bytes = file.read(offset, 4, 'the size of a chunk');
  return new DataView(bytes.buffer).getUint32(0, littleEndian);
}

function align(offset: number): number {
  return Math.ceil(offset / DATA_ALIGNMENT) * DATA_ALIGNMENT;
}
