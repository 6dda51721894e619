import { SECTION, SECTION_COMPRESSED, SECTION_HEADER_SIZE } from '../dat/sections.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Compressor } from './compress.ts';
import type { OutputFile } from './output-file.ts';

/** Magic and name that a trace.dat begins with (trace-cmd.dat.v7.5). */
const MAGIC = Uint8Array.of(0x17, 0x08, 0x44);

/** Writes the header and the sections of a version 7 file. */
export class SectionWriter {
  readonly littleEndian: boolean;
  private readonly file: OutputFile;
  private readonly compressor: Compressor;
  /** The descriptions of the sections, each with its NUL, as the strings section has them. */
  private readonly strings: ByteWriter;
  private readonly stringOffsets = new Map<string, number>();
  /** Where the offset of the next options section is to be written. */
  private nextOptions = 0;

  constructor(file: OutputFile, compressor: Compressor, littleEndian: boolean) {
    this.file = file;
    this.compressor = compressor;
    this.littleEndian = littleEndian;
    this.strings = new ByteWriter(littleEndian);
  }

  fileHeader(longSize: number, pageSize: number): void {
    const writer = this.bytes()
      .put(MAGIC)
      .text('tracing')
      .cstring('7')
      .u8(this.littleEndian ? 0 : 1)
      .u8(longSize)
      .u32(pageSize)
      .cstring(this.compressor.method)
      .cstring(this.compressor.version);
    this.nextOptions = this.file.length + writer.length;
    this.file.put(writer.u64(0).finish());
  }

  /** @returns the offset of the section */
  section(id: number, description: string, body: Uint8Array, isCompressible = true): number {
    const offset = this.file.length;
    const isCompressed = isCompressible && this.compressor.method !== 'none';
    const stored = isCompressed ? this.compressed(body) : body;
    this.file.put(this.sectionHeader(id, description, isCompressed, stored.length));
    this.file.put(stored);
    return offset;
  }

  /** A section that is written behind its header, piece by piece; {@link closeSection} tells its size. */
  openSection(id: number, description: string): number {
    const offset = this.file.length;
    const isCompressed = this.compressor.method !== 'none';
    this.file.put(this.sectionHeader(id, description, isCompressed, 0));
    return offset;
  }

  closeSection(offset: number): void {
    const size = this.file.length - offset - SECTION_HEADER_SIZE;
    this.file.patch(offset + 8, this.bytes().u64(size).finish());
  }

  /** An options section, which the one before it, or the file header, will point to. */
  options(options: readonly (readonly [id: number, data: Uint8Array])[]): void {
    const writer = this.bytes();
    for (const [id, data] of options) writer.u16(id).u32(data.length).put(data);
    writer.u16(0).u32(8);
    const nextInBody = writer.length;
    const body = writer.u64(0).finish();
    const offset = this.section(SECTION.options, 'options', body, false);
    this.file.patch(this.nextOptions, this.bytes().u64(offset).finish());
    this.nextOptions = this.file.length - body.length + nextInBody;
  }

  /** The descriptions of all sections; to be written last. */
  stringsSection(): void {
    this.stringOffset('strings');
    this.section(SECTION.strings, 'strings', this.strings.finish());
  }

  /** `u32 stored, u32 size, bytes` */
  compressed(bytes: Uint8Array): Uint8Array {
    const packed = this.compressor.compress(bytes);
    return this.bytes().u32(packed.length).u32(bytes.length).put(packed).finish();
  }

  bytes(): ByteWriter {
    return new ByteWriter(this.littleEndian);
  }

  private sectionHeader(id: number, description: string, isCompressed: boolean, size: number): Uint8Array {
    return this.bytes()
      .u16(id)
      .u16(isCompressed ? SECTION_COMPRESSED : 0)
      .u32(this.stringOffset(description))
      .u64(size)
      .finish();
  }

  private stringOffset(description: string): number {
    let offset = this.stringOffsets.get(description);
    if (offset === undefined) {
      offset = this.strings.length;
      this.strings.cstring(description);
      this.stringOffsets.set(description, offset);
    }
    return offset;
  }
}
