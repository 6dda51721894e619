import type { ByteReader } from '../file/byte-reader.ts';
import { SAMPLE } from './perf-format.ts';

/** One event that perf was asked to record: what its samples hold. */
export interface PerfAttr {
  readonly type: number;
  readonly sampleType: number;
  readonly readFormat: number;
  /** Records other than samples end with time and CPU too. */
  readonly sampleIdAll: boolean;
  /** `CLOCK_*` where one was asked for with `-k`. */
  readonly clockId: number | undefined;
}

/** Offset of the bit field in `struct perf_event_attr`, of the clock, and the size of its first version. */
const FLAGS = 40;
const CLOCK_ID = 92;
const SMALLEST_ATTR = 64;

/** Bits of the bit field, counted from the lowest on little-endian machines and from the highest on others. */
const SAMPLE_ID_ALL = 18;
const USE_CLOCK_ID = 25;

/** Reads a `struct perf_event_attr` of `size` bytes; `undefined` for one that is too short. */
export function readAttr(reader: ByteReader, size: number, littleEndian: boolean): PerfAttr | undefined {
  if (size < SMALLEST_ATTR) return undefined;
  const bytes = reader.slice(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // All bits that are used fit the lower half of their 64 bits.
  const low = (at: number): number => view.getUint32(littleEndian ? at : at + 4, littleEndian);
  const flags = view.getUint32(FLAGS, littleEndian);
  const has = (bit: number): boolean => ((flags >>> (littleEndian ? bit : 31 - bit)) & 1) !== 0;
  return {
    type: view.getUint32(0, littleEndian),
    sampleType: low(24),
    readFormat: low(32),
    sampleIdAll: has(SAMPLE_ID_ALL),
    clockId: has(USE_CLOCK_ID) && size >= CLOCK_ID + 4 ? view.getInt32(CLOCK_ID, littleEndian) : undefined,
  };
}

/** Bytes from the end of a record at which a field of its `sample_id` begins; 0 where it has none. */
export function trailerOffset(attr: PerfAttr, field: 'time' | 'cpu'): number {
  if (!attr.sampleIdAll || (attr.sampleType & SAMPLE[field]) === 0) return 0;
  const order = ['tid', 'time', 'id', 'streamId', 'cpu', 'identifier'] as const;
  const behind = order.slice(order.indexOf(field)).filter(name => (attr.sampleType & SAMPLE[name]) !== 0);
  return behind.length * 8;
}
