import { ByteReader } from '../file/byte-reader.ts';
import type { InputFile } from '../file/input-file.ts';
import { preview, quoted, TraceError } from '../trace-error.ts';
import { isTraceDat, MAGIC } from './magic.ts';

/** The first fields of a trace.dat of any version. */
export interface FileHeader {
  readonly version: number;
  readonly littleEndian: boolean;
  readonly longSize: number;
  readonly pageSize: number;
  /** Bytes that these fields take. */
  readonly end: number;
}

/** Bytes read for the header, more than any version needs. */
const HEADER_BYTES = 256;

/** @throws {@link TraceError} where the file does not begin as a trace.dat does */
export function readHeader(file: InputFile): FileHeader {
  const bytes = file.readUpTo(0, HEADER_BYTES);
  if (bytes.length === 0) throw new TraceError(file.name, 'is empty; a trace.dat is expected');
  if (!isTraceDat(bytes)) {
    throw new TraceError(
      file.name,
      `is not a trace.dat: it begins with ${preview(bytes)}; record one with trace-cmd record`,
    );
  }
  const start = new ByteReader(bytes, true, file.name, 0, 'the file header');
  start.slice(MAGIC.length);
  const version = start.cstring();
  if (version !== '6' && version !== '7') {
    throw new TraceError(
      file.name,
      `is a trace.dat of version ${quoted(version)}; versions 6 and 7 can be read`,
    );
  }
  const littleEndian = start.u8() === 0;
  const rest = new ByteReader(bytes, littleEndian, file.name, 0, 'the file header');
  rest.offset = start.offset;
  const longSize = rest.u8();
  const pageSize = rest.u32();
  if (longSize !== 4 && longSize !== 8) {
    throw new TraceError(
      file.name,
      `says that a long has ${longSize} bytes; 4 or 8 is expected`,
      rest.offset - 5,
    );
  }
  if (pageSize < 4096 || pageSize > 1 << 20 || (pageSize & (pageSize - 1)) !== 0) {
    throw new TraceError(
      file.name,
      `says that a page has ${pageSize} bytes; 4096 to 65536 is usual`,
      rest.offset - 4,
    );
  }
  return { version: Number(version), littleEndian, longSize, pageSize, end: rest.offset };
}
