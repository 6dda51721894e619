import {
  PAGE_CAPACITY,
  PAGE_END,
  PAGE_FREE,
  PAGE_MOMENTS,
  PAGE_NEAR,
  PAGE_NEAR_LENGTH,
  PAGE_ROWS,
  PAGE_USERS,
} from './board';
import * as event from './event';
import { at, intAt, isEmpty, popId, pushId, setIntAt, setWord, word } from './memory';

/** `CHUNK_PAGES` of `shadow/page-history.ts`, as a shift. */
const CHUNK_BITS: u32 = 5;
const CHUNK: u32 = 1 << CHUNK_BITS;

/** Where the words of a page are, -1 where it has had no event, or is too far up, or its block crosses a chunk. */
function rowOf(pfn: u64, pages: u32): i32 {
  const inChunk = (pfn as u32) & (CHUNK - 1);
  const key = pfn >> CHUNK_BITS;
  if (inChunk + pages > CHUNK || key >= (word(PAGE_NEAR_LENGTH) as u64)) return -1;
  const chunk = intAt(at(PAGE_NEAR), key as i32);
  return chunk === 0 ? -1 : 2 * (chunk * (CHUNK as i32) + (inChunk as i32));
}

/** Whether {@link note} can take the event. */
export function canNote(pfn: u64, pages: u32): bool {
  return rowOf(pfn, pages) >= 0 && (!isEmpty(PAGE_FREE) || word(PAGE_END) < word(PAGE_CAPACITY));
}

/** `PageHistory.note` of the event in hand; `which` is 0 for an allocation, 1 for a free. */
export function note(pfn: u64, pages: u32, which: i32): void {
  const record = pages === 1 ? reusable(pfn, which) : takeRecord();
  event.writeMoment(at(PAGE_MOMENTS) + ((record as usize) << 5), event.stack);
  setIntAt(at(PAGE_USERS), record, pages as i32);
  const rows = at(PAGE_ROWS);
  const first = rowOf(pfn, pages);
  for (let row = first; row < first + 2 * (pages as i32); row += 2) {
    const before = (intAt(rows, row + which) as u32) >> 1;
    if (before !== 0) release(before as i32);
    setIntAt(rows, row + which, record * 2 + 1);
    setIntAt(rows, row + 1 - which, intAt(rows, row + 1 - which) & ~1);
  }
}

/** The record of the page's last such event, where no other page shares that, else another one. */
function reusable(pfn: u64, which: i32): i32 {
  const row = rowOf(pfn, 1) + which;
  const record = ((intAt(at(PAGE_ROWS), row) as u32) >> 1) as i32;
  if (record === 0 || intAt(at(PAGE_USERS), record) !== 1) return takeRecord();
  // Taken back below, when the row gets its record anew.
  setIntAt(at(PAGE_ROWS), row, 0);
  return record;
}

function takeRecord(): i32 {
  if (!isEmpty(PAGE_FREE)) return popId(PAGE_FREE);
  const end = word(PAGE_END);
  setWord(PAGE_END, end + 1);
  return end;
}

function release(record: i32): void {
  const users = intAt(at(PAGE_USERS), record) - 1;
  setIntAt(at(PAGE_USERS), record, users);
  if (users === 0) pushId(PAGE_FREE, record);
}
