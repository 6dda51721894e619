import { ByteReader } from '../file/byte-reader.ts';
import type { InputFile } from '../file/input-file.ts';
import { latin1 } from '../file/latin1.ts';
import type { Gap } from '../source.ts';
import { TraceError } from '../trace-error.ts';
import { type PerfAttr, readAttr } from './perf-attr.ts';
import { FEATURE, FILE_HEADER_BYTES, MAGIC, MAGIC_SWAPPED, PIPE_HEADER_BYTES } from './perf-format.ts';
import { readTracingData, type TracingData } from './tracing-data.ts';

/** What a perf.data says before its records; in a stream these come as records, and are added while it is read. */
export interface PerfHeader {
  readonly littleEndian: boolean;
  readonly isPipe: boolean;
  readonly attrs: PerfAttr[];
  readonly attrById: Map<number, PerfAttr>;
  tracing: TracingData | undefined;
  osRelease: string | undefined;
  arch: string | undefined;
  readonly isCompressed: boolean;
  /** Where the records are in the file. */
  readonly dataOffset: number;
  readonly dataEnd: number;
  readonly gaps: Gap[];
}

/** Events at most: perf itself cannot open more files. */
const MOST_ATTRS = 100_000;

/** Places of the features' bits, and how many there are. */
const FEATURES = 72;
const FEATURE_BITS = 256;

export function isPerfData(head: Uint8Array): boolean {
  const magic = latin1(head.subarray(0, MAGIC.length));
  return magic === MAGIC || magic === MAGIC_SWAPPED;
}

/** @throws {@link TraceError} where the file is damaged, or cut before its records */
export function readPerfHeader(file: InputFile): PerfHeader {
  const bytes = file.readUpTo(0, FILE_HEADER_BYTES);
  const littleEndian = latin1(bytes.subarray(0, MAGIC.length)) === MAGIC;
  const reader = new ByteReader(bytes, littleEndian, file.name, 0, 'the file header');
  reader.slice(MAGIC.length);
  const size = reader.u64();
  const common = {
    littleEndian,
    attrs: [],
    attrById: new Map<number, PerfAttr>(),
    tracing: undefined,
    osRelease: undefined,
    arch: undefined,
    gaps: [],
  };
  if (size === PIPE_HEADER_BYTES) {
    return { ...common, isPipe: true, isCompressed: true, dataOffset: size, dataEnd: file.size };
  }
  if (size !== FILE_HEADER_BYTES) {
    throw new TraceError(file.name, `is a perf.data with a header of ${size} bytes; 16 or 104 are known`, 8);
  }
  const attrSize = reader.u64();
  const attrs = { offset: reader.u64(), size: reader.u64() };
  const data = { offset: reader.u64(), size: reader.u64() };
  if (data.size === 0) {
    throw new TraceError(
      file.name,
      'is unfinished: perf was killed before it could write the formats of the events; record it again and end perf with Ctrl-C',
    );
  }
  const features = featureSections(file, bytes, littleEndian, data.offset + data.size);
  const header: PerfHeader = {
    ...common,
    isPipe: false,
    isCompressed: features.has(FEATURE.compressed),
    dataOffset: data.offset,
    dataEnd: Math.min(data.offset + data.size, file.size),
  };
  readAttrs(file, header, attrs, attrSize);
  const tracing = features.get(FEATURE.tracingData);
  if (!tracing) {
    throw new TraceError(
      file.name,
      'holds no tracepoints: record it with perf record -e iommu:* -e kmem:mm_page_alloc -e kmem:mm_page_free',
    );
  }
  header.tracing = readTracingData(
    file.read(tracing.offset, tracing.size, 'the formats of the events'),
    file.name,
    tracing.offset,
  );
  header.osRelease = featureText(file, header, features.get(FEATURE.osRelease));
  header.arch = featureText(file, header, features.get(FEATURE.arch));
  return header;
}

interface Section {
  readonly offset: number;
  readonly size: number;
}

/** Behind the records stands a table with a section for each bit that is set. */
function featureSections(
  file: InputFile,
  header: Uint8Array,
  littleEndian: boolean,
  table: number,
): Map<number, Section> {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const bits: number[] = [];
  for (let bit = 0; bit < FEATURE_BITS; bit++) {
    // An array of longs: of 64 bits also where the words of a big-endian machine of 32 bits were swapped.
    const word = FEATURES + (bit >>> 6) * 8 + (((bit & 32) !== 0) === littleEndian ? 4 : 0);
    if ((view.getUint32(word, littleEndian) >>> (bit & 31)) & 1) bits.push(bit);
  }
  const size = bits.length * 16;
  const reader = new ByteReader(
    file.read(table, size, 'the table of its features'),
    littleEndian,
    file.name,
    table,
    'the table of its features',
  );
  return new Map(bits.map(bit => [bit, { offset: reader.u64(), size: reader.u64() }]));
}

function readAttrs(file: InputFile, header: PerfHeader, { offset, size }: Section, attrSize: number): void {
  const what = 'the table of its events';
  const { littleEndian } = header;
  // Each is a perf_event_attr and the place of its ids.
  const count = attrSize > 16 ? Math.floor(size / attrSize) : 0;
  if (count === 0 || count > MOST_ATTRS) {
    throw new TraceError(
      file.name,
      `claims ${count} events of ${attrSize} bytes each; it is damaged`,
      offset,
    );
  }
  const reader = new ByteReader(
    file.read(offset, count * attrSize, what),
    littleEndian,
    file.name,
    offset,
    what,
  );
  for (let i = 0; i < count; i++) {
    const attr = readAttr(reader, attrSize - 16, littleEndian);
    const ids = { offset: reader.u64(), size: reader.u64() };
    if (!attr)
      throw new TraceError(file.name, `has events of ${attrSize} bytes, too few; it is damaged`, offset);
    header.attrs.push(attr);
    const idReader = new ByteReader(
      file.read(ids.offset, ids.size, 'the ids of an event'),
      littleEndian,
      file.name,
      ids.offset,
      'the ids of an event',
    );
    addIds(header, attr, idReader);
  }
}

/** The numbers by which samples name their event: to the end of the reader. */
export function addIds(header: PerfHeader, attr: PerfAttr, reader: ByteReader): void {
  while (reader.remaining >= 8) header.attrById.set(reader.u64(), attr);
}

function featureText(file: InputFile, header: PerfHeader, section: Section | undefined): string | undefined {
  if (!section || section.offset + section.size > file.size || section.size > 4096) return undefined;
  return textFeature(file.readUpTo(section.offset, section.size), header.littleEndian);
}

/** A text of a feature: its length, and the text to its NUL. */
export function textFeature(bytes: Uint8Array, littleEndian: boolean): string | undefined {
  if (bytes.length < 4) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, littleEndian);
  const [text] = latin1(bytes.subarray(4, 4 + length)).split('\0', 1);
  return text || undefined;
}
