import type { ByteReader } from '../file/byte-reader.ts';
import { TraceError } from '../trace-error.ts';
import { OPTION } from './sections.ts';

/** An option as it stands in the file. */
export interface RawOption {
  readonly id: number;
  /** Of its data, in the file or in the section that holds it. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** One options section. */
export interface RawOptions {
  readonly options: readonly RawOption[];
  /** Version 7: offset of the next options section; 0 at the last. */
  readonly next: number;
}

/** Far above what any recording has: some for each CPU, and one for each instance. */
const MOST_OPTIONS = 65_536;

/** Reads options up to their end mark: u16 id, u32 size, data. Version 6 ends with an id of 0 alone. */
export function readRawOptions(reader: ByteReader, version: 6 | 7, file: string): RawOptions {
  const options: RawOption[] = [];
  for (;;) {
    const id = reader.u16();
    if (id === OPTION.done && version === 6) return { options, next: 0 };
    const size = reader.u32();
    if (size > reader.remaining) {
      throw new TraceError(
        file,
        `has an option (id ${id}) of ${size} bytes, more than its section holds; it is damaged`,
      );
    }
    if (id === OPTION.done) return { options, next: reader.u64() };
    if (options.length === MOST_OPTIONS) {
      throw new TraceError(file, `has more than ${MOST_OPTIONS} options in one section; it is damaged`);
    }
    const { offset } = reader;
    options.push({ id, offset, data: reader.slice(size) });
  }
}
