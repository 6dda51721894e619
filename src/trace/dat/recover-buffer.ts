import type { InputFile } from '../file/input-file.ts';
import type { PageLayout } from './metadata.ts';
import type { Sections } from './section-reader.ts';
import { SECTION, SECTION_HEADER_SIZE } from './sections.ts';
import type { CpuData, TraceBuffer } from './trace-dat.ts';

/** trace-cmd starts each CPU's data at a multiple of this. */
const DATA_ALIGNMENT = 4096;

/**
 * Finds the event data of a version 7 file whose last options section is missing: sections follow each other, and
 * in the data section the CPUs do, in order, each at a page boundary. Compressed data says how long it is; in
 * uncompressed data the time goes back where the next CPU begins.
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
      // The size is written when the section is complete, and 0 until then.
      const end = header.size > 0 ? Math.min(file.size, body + header.size) : file.size;
      const cpus = header.compressed
        ? findChunks(file, body, end, cpuCount, littleEndian)
        : findSubBuffers(file, body, end, cpuCount, layout, littleEndian);
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

function findSubBuffers(
  file: InputFile,
  body: number,
  end: number,
  cpuCount: number,
  layout: PageLayout,
  littleEndian: boolean,
): CpuData[] {
  const cpus: CpuData[] = [];
  let start = align(body);
  let last = 0;
  for (let offset = start; offset + layout.dataOffset <= end; offset += layout.subBufferSize) {
    const time = timestamp(file, offset + layout.timestampOffset, littleEndian);
    if (time < last && cpus.length + 1 < cpuCount) {
      cpus.push({ cpu: cpus.length, offset: start, size: offset - start });
      start = offset;
    }
    last = time;
  }
  cpus.push({ cpu: cpus.length, offset: start, size: Math.max(0, end - start) });
  return cpus;
}

function findChunks(
  file: InputFile,
  body: number,
  end: number,
  cpuCount: number,
  littleEndian: boolean,
): CpuData[] {
  const cpus: CpuData[] = [];
  let offset = align(body);
  for (let cpu = 0; cpu < cpuCount && offset + 4 <= end; cpu++) {
    const endOfCpu = endOfChunks(file, offset, littleEndian);
    cpus.push({ cpu, offset, size: endOfCpu - offset });
    offset = align(endOfCpu);
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

function timestamp(file: InputFile, offset: number, littleEndian: boolean): number {
  const bytes = file.read(offset, 8, 'the time of a sub-buffer');
  return Number(new DataView(bytes.buffer).getBigUint64(0, littleEndian));
}

function align(offset: number): number {
  return Math.ceil(offset / DATA_ALIGNMENT) * DATA_ALIGNMENT;
}
