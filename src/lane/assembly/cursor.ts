import { lookAhead } from './ahead';
import {
  C_BYTES,
  C_CHUNK,
  C_CHUNK_LENGTH,
  C_CHUNK_POSITION,
  C_EVENTS,
  C_INDEX,
  C_LAST,
  C_LOST,
  C_NEXT,
  C_OFFSET,
  C_PENDING,
  C_SET,
  C_SETS,
  C_SUB_BUFFER,
  C_TIME,
  COMMIT_AT,
  DATA_AT,
  NEED_CHUNK,
  NEXT_NONE,
  NEXT_READY,
  NEXT_UNREAD,
  ODD_SUB_BUFFER,
  S_CHUNK,
  S_COUNT,
  S_PAYLOADS,
  S_POSITION,
  S_SIZES,
  S_TIMES,
  SET_BYTES,
  TIMESTAMP_AT,
} from './board';
import { at, word } from './memory';

/** `RB_MISSED_EVENTS` and `RB_MISSED_STORED`, kernel/trace/ring_buffer.c. */
const MISSED: u32 = 0xc000_0000;

/** `type_len` of a ring-buffer event header, include/linux/ring_buffer.h. */
const PADDING: u32 = 29;
const TIME_EXTEND: u32 = 30;

const HEADER: u32 = 4;
const SMALLEST_RECORD: u32 = 8;
const DELTA_RANGE: f64 = 134_217_728;

/** The set of records that is current, or the one behind it. */
export function setOf(cursor: usize, which: i32): usize {
  return cursor + C_SETS + which * SET_BYTES;
}

/**
 * Reads the next sub-buffer with records into the set behind the current one. 0 when it is there or none will come, else
 * what `run` returns.
 */
export function prepare(cursor: usize): i32 {
  if (load<i32>(cursor + C_NEXT) !== NEXT_UNREAD) return 0;
  const set = setOf(cursor, 1 - load<i32>(cursor + C_SET));
  const chunk = load<u32>(cursor + C_CHUNK) as usize;
  const length = load<u32>(cursor + C_CHUNK_LENGTH);
  const dataAt = word(DATA_AT) as u32;
  for (;;) {
    const start = load<u32>(cursor + C_OFFSET);
    if (start + dataAt > length) return NEED_CHUNK;
    const end = min<u32>(start + load<u32>(cursor + C_SUB_BUFFER), length);
    const commit = load<u32>(chunk + start + at(COMMIT_AT));
    if ((commit & MISSED) !== 0 || commit > end - start - dataAt) return ODD_SUB_BUFFER;
    const startNs = load<u64>(chunk + start + at(TIMESTAMP_AT)) as f64;
    const count = findRecords(cursor, set, chunk + start + dataAt, commit, startNs);
    if (count < 0) return ODD_SUB_BUFFER;
    store<u32>(cursor + C_OFFSET, start + load<u32>(cursor + C_SUB_BUFFER));
    if (count === 0) continue;
    store<i32>(set + S_COUNT, count);
    store<u32>(set + S_CHUNK, chunk as u32);
    store<f64>(set + S_POSITION, load<f64>(cursor + C_CHUNK_POSITION));
    accept(cursor, set, count);
    return 0;
  }
}

/** A set is ready. */
export function accept(cursor: usize, set: usize, count: i32): void {
  store<f64>(cursor + C_LOST, load<f64>(cursor + C_PENDING));
  store<f64>(cursor + C_PENDING, 0);
  store<f64>(cursor + C_EVENTS, load<f64>(cursor + C_EVENTS) + (count as f64));
  const times = load<u32>(set + S_TIMES) as usize;
  store<f64>(cursor + C_LAST, load<f64>(times + ((count - 1) << 3)));
  store<i32>(cursor + C_NEXT, NEXT_READY);
  lookAhead(0, load<u32>(set + S_PAYLOADS) as usize, load<u32>(set + S_SIZES) as usize, count);
}

/** Makes the set behind the current one the current one; false where there is none. */
export function enter(cursor: usize): bool {
  if (load<i32>(cursor + C_NEXT) === NEXT_NONE) return false;
  const which = 1 - load<i32>(cursor + C_SET);
  store<i32>(cursor + C_SET, which);
  store<i32>(cursor + C_INDEX, 0);
  store<i32>(cursor + C_NEXT, NEXT_UNREAD);
  store<f64>(cursor + C_TIME, load<f64>(load<u32>(setOf(cursor, which) + S_TIMES) as usize));
  return true;
}

/** Finds the records of a sub-buffer of little-endian data, as `CpuCursor` does; -1 where it is damaged. */
function findRecords(cursor: usize, set: usize, data: usize, bytes: u32, startNs: f64): i32 {
  const times = load<u32>(set + S_TIMES) as usize;
  const payloads = load<u32>(set + S_PAYLOADS) as usize;
  const sizes = load<u32>(set + S_SIZES) as usize;
  let count: usize = 0;
  let clockNs = startNs;
  let offset: u32 = 0;
  let walked: u32 = 0;
  while (offset + HEADER <= bytes) {
    const header = load<u32>(data + offset);
    const type = header & 31;
    const delta = header >>> 5;
    let record = offset + HEADER;
    let size = type << 2;
    if (type === 0 || type >= PADDING) {
      if (type === PADDING && delta === 0) break;
      if (record + 4 > bytes) return -1;
      const first = load<u32>(data + record);
      if (type >= TIME_EXTEND) {
        clockNs = (first as f64) * DELTA_RANGE + (delta as f64) + (type === TIME_EXTEND ? clockNs : 0);
        offset += 8;
        continue;
      }
      if (type === PADDING) {
        if (first > bytes || record + first > bytes) return -1;
        if (delta !== 1) clockNs += delta as f64;
        offset = (record + first + 3) & ~3;
        continue;
      }
      record += 4;
      size = first - 4;
    }
    if (size < SMALLEST_RECORD || size > bytes || record + size > bytes) return -1;
    clockNs += delta as f64;
    store<f64>(times + (count << 3), clockNs);
    store<u32>(payloads + (count << 2), (data as u32) + record);
    store<u32>(sizes + (count << 2), size);
    count++;
    const next = (record + size + 3) & ~3;
    walked += next - offset;
    offset = next;
  }
  store<f64>(cursor + C_BYTES, load<f64>(cursor + C_BYTES) + (walked as f64));
  return count as i32;
}
