import { rmSync } from 'node:fs';
import { SECTION, SECTION_HEADER_SIZE } from '../dat/sections.ts';
import type { OutputFile } from './output-file.ts';
import type { SectionWriter } from './section-writer.ts';

/** One buffer of a recording that is being written. */
export interface BufferName {
  /** The top buffer has the empty name. */
  readonly name: string;
  readonly clock: string;
  readonly subBufferSize: number;
}

/**
 * Where the events of all CPUs wait until they can be put in order. A trace.dat holds the data of one CPU behind that
 * of another, and while it is recorded nobody knows how long each will be. So they go, chunk by chunk as they come,
 * into a file beside it: a version 7 file as well, with all descriptions at its beginning and each chunk in a section
 * of its own, which says whose it is. If the writer dies, that file can be read as it is.
 */
export class PartialFile {
  private readonly file: OutputFile;
  private readonly sections: SectionWriter;
  private readonly isCompressed: boolean;

  constructor(file: OutputFile, sections: SectionWriter, isCompressed: boolean) {
    this.file = file;
    this.sections = sections;
    this.isCompressed = isCompressed;
  }

  /** Appends a chunk; `chunks` gets its place. */
  append(
    { name, clock, subBufferSize }: BufferName,
    cpu: number,
    bytes: Uint8Array,
    chunks: ChunkList,
  ): void {
    const owner = this.sections.bytes().u32(cpu).u32(subBufferSize).cstring(name).cstring(clock).finish();
    const stored = this.isCompressed ? this.sections.compressed(bytes) : bytes;
    const body = new Uint8Array(owner.length + stored.length);
    body.set(owner);
    body.set(stored, owner.length);
    const offset = this.sections.section(SECTION.partialChunk, 'chunk', body, false);
    chunks.add(offset + SECTION_HEADER_SIZE + owner.length, stored.length);
  }

  flush(): void {
    this.file.flush();
  }

  /** Puts the chunks behind each other into another file, as that has them. */
  copyTo(target: OutputFile, chunks: ChunkList): void {
    for (let i = 0; i < chunks.count; i++) target.put(this.file.read(chunks.offset(i), chunks.size(i)));
  }

  /** Removes the file: everything in it is elsewhere now. */
  remove(): void {
    this.file.abandon();
    rmSync(this.file.path, { force: true });
  }

  close(): void {
    this.file.close();
  }
}

/** The places of the chunks of one CPU: 16 bytes each, so that 100 GB take some tens of MB. */
export class ChunkList {
  count = 0;
  private places = new Float64Array(64);

  add(offset: number, size: number): void {
    if (this.count * 2 === this.places.length) {
      const more = new Float64Array(this.places.length * 2);
      more.set(this.places);
      this.places = more;
    }
    this.places[this.count * 2] = offset;
    this.places[this.count * 2 + 1] = size;
    this.count++;
  }

  offset(index: number): number {
    return this.places[index * 2] as number;
  }

  size(index: number): number {
    return this.places[index * 2 + 1] as number;
  }

  /** Bytes of all chunks. */
  total(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum += this.size(i);
    return sum;
  }
}
