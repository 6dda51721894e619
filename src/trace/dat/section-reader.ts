import { ByteReader } from '../file/byte-reader.ts';
import type { Decompress, DecompressPieces } from '../file/decompress.ts';
import type { InputFile } from '../file/input-file.ts';
import { TraceError } from '../trace-error.ts';
import { SECTION_COMPRESSED, SECTION_HEADER_SIZE } from './sections.ts';

/** Header of a section of a version 7 file. */
export interface SectionHeader {
  readonly id: number;
  readonly compressed: boolean;
  /** Bytes after the header, as stored. */
  readonly size: number;
}

/** Reads whole sections of a version 7 file, decompressed. */
export class Sections {
  private readonly file: InputFile;
  private readonly littleEndian: boolean;
  private readonly decompress: Decompress | undefined;
  private readonly decompressPieces: DecompressPieces | undefined;

  constructor(
    file: InputFile,
    littleEndian: boolean,
    decompress: Decompress | undefined,
    decompressPieces: DecompressPieces | undefined,
  ) {
    this.decompressPieces = decompressPieces;
    this.file = file;
    this.littleEndian = littleEndian;
    this.decompress = decompress;
  }

  header(offset: number): SectionHeader {
    const reader = this.reader(offset, SECTION_HEADER_SIZE, 'a section header');
    const id = reader.u16();
    const compressed = (reader.u16() & SECTION_COMPRESSED) !== 0;
    reader.u32(); // description, an offset into the strings section
    return { id, compressed, size: reader.u64() };
  }

  /** Offset of the byte after the section. */
  endOf(offset: number): number {
    return offset + SECTION_HEADER_SIZE + this.header(offset).size;
  }

  /** @throws {@link TraceError} where another section is at `offset`, or it does not fit the file */
  read(offset: number, id: number, what: string): ByteReader {
    const header = this.header(offset);
    if (header.id !== id) {
      throw new TraceError(
        this.file.name,
        `has a section of kind ${header.id} where ${what} (kind ${id}) should be; it is damaged`,
        offset,
      );
    }
    const body = offset + SECTION_HEADER_SIZE;
    if (!header.compressed) return this.reader(body, header.size, what);
    const sizes = this.reader(body, 8, what);
    const stored = sizes.u32();
    const size = sizes.u32();
    if (!this.decompress) {
      throw new TraceError(
        this.file.name,
        `${what} is compressed, but the file names no compression`,
        offset,
      );
    }
    const bytes = this.file.read(body + 8, stored, what);
    const data = this.decompress(bytes, size, this.file.name, body + 8).slice();
    return new ByteReader(data, this.littleEndian, this.file.name, body, what);
  }

  /**
   * A section piece by piece, as far as the file has it, see {@link DecompressPieces}. None where it cannot be decompressed
   * in part, or is not what `id` says: {@link read} then tells what is wrong.
   */
  *pieces(offset: number, id: number): Generator<Uint8Array> {
    const { file } = this;
    const body = offset + SECTION_HEADER_SIZE;
    if (body + 8 > file.size) return;
    const header = this.header(offset);
    if (header.id !== id) return;
    if (!header.compressed) {
      yield* file.pieces(body, header.size);
    } else if (this.decompressPieces) {
      const sizes = this.reader(body, 8, 'the sizes of a section');
      yield* this.decompressPieces(file, body + 8, sizes.u32(), sizes.u32());
    }
  }

  private reader(offset: number, size: number, what: string): ByteReader {
    const bytes = this.file.read(offset, size, what);
    return new ByteReader(bytes, this.littleEndian, this.file.name, offset, what);
  }
}
