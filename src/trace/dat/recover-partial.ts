import { ByteReader } from '../file/byte-reader.ts';
import type { InputFile } from '../file/input-file.ts';
import { TraceError } from '../trace-error.ts';
import { SMALLEST_SUB_BUFFER } from './metadata.ts';
import type { SectionHeader, Sections } from './section-reader.ts';
import { SECTION, SECTION_HEADER_SIZE } from './sections.ts';
import type { Piece, TraceBuffer } from './trace-dat.ts';

/** Bytes of a chunk's section that say whose it is, with names as long as tracefs allows them. */
const OWNER_BYTES = 512;

/**
 * Finds the buffers of a file that iommusan was writing when it died: its chunks stand in sections of their own, in the
 * order in which they came (`write/partial-file.ts` writes them).
 *
 * @param from offset of the first section to look at
 * @returns no buffer where the file has no such section
 */
export function recoverPartial(
  sections: Sections,
  file: InputFile,
  from: number,
  littleEndian: boolean,
  compressed: boolean,
): TraceBuffer[] {
  const buffers = new Map<string, TraceBuffer & { readonly pieces: Map<number, Piece[]> }>();
  let offset = from;
  while (offset + SECTION_HEADER_SIZE <= file.size) {
    const header = sections.header(offset);
    if (header.id !== SECTION.partialChunk) break;
    try {
      addChunk(offset, header);
    } catch (error) {
      // The last one is cut within its first bytes: nothing of it can be had.
      if (!(error instanceof TraceError)) throw error;
      break;
    }
    offset += SECTION_HEADER_SIZE + header.size;
  }
  return [...buffers.values()].map(({ pieces, ...buffer }) => ({
    ...buffer,
    cpus: [...pieces]
      .sort(([a], [b]) => a - b)
      .map(([cpu, list]) => ({
        cpu,
        offset: list[0]?.offset ?? 0,
        size: list.reduce((sum, piece) => sum + piece.size, 0),
        pieces: list,
      })),
  }));

  function addChunk(at: number, { size }: SectionHeader): void {
    const body = at + SECTION_HEADER_SIZE;
    const bytes = file.readUpTo(body, Math.min(size, OWNER_BYTES));
    const reader = new ByteReader(bytes, littleEndian, file.name, body, 'a chunk of an unfinished file');
    const cpu = reader.u32();
    const subBufferSize = reader.u32();
    const name = reader.cstring();
    const clock = reader.cstring();
    let buffer = buffers.get(name);
    if (!buffer) {
      if (subBufferSize < SMALLEST_SUB_BUFFER)
        throw new TraceError(file.name, 'has sub-buffers smaller than a page', body);
      buffer = { name, clock, subBufferSize, compressed, cpus: [], pieces: new Map() };
      buffers.set(name, buffer);
    }
    const piece = { offset: body + reader.offset, size: size - reader.offset };
    const list = buffer.pieces.get(cpu);
    if (list) list.push(piece);
    else buffer.pieces.set(cpu, [piece]);
  }
}
