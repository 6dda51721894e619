import {
  PAGE_CAPACITY,
  PAGE_END,
  PAGE_FREE,
  PAGE_MOMENTS,
  PAGE_ROWS,
  PAGE_ROWS_MASK,
  PAGE_USERS,
} from './board';
import * as event from './event';
import { at, floatAt, intAt, isEmpty, popId, pushId, setFloatAt, setIntAt, setWord, word } from './memory';

// `PageHistory` of pages and small blocks, whose rows are there already: `PageRows`.

const GROUP_PAGES: u64 = 7;
/** Float64 of a place, and 32-bit words in front of those of the first page. */
const WIDES: i32 = 8;
const FIRST: i32 = 2;
const NEIGHBOURS: i32 = 8;
const GOLDEN: i32 = -1640531535;

/** Bits of a word of a page. */
const LATER: i32 = 1;
const SOLE: i32 = 2;
const RECORD_SHIFT: i32 = 2;

/** Where the words of the groups of the event in hand begin; 16 pages are in four groups at most. */
const MOST_GROUPS = 4;
const rows: usize = memory.data(MOST_GROUPS * 4, 4);

/** Where the words of a page begin, -1 where it has none. */
function findRow(pfn: u64): i32 {
  const group = pfn / GROUP_PAGES;
  const wides = at(PAGE_ROWS);
  const mask = word(PAGE_ROWS_MASK);
  const hash = (((group as u32) >>> 3) as i32) * GOLDEN;
  let key = ((((hash ^ (hash >>> 15)) * NEIGHBOURS) | ((group & 7) as i32)) * WIDES) & mask;
  for (;;) {
    const found = floatAt(wides, key);
    if (found === ((group + 1) as f64)) break;
    if (found === 0) return -1;
    key = (key + WIDES) & mask;
  }
  return 2 * (key + ((pfn - group * GROUP_PAGES) as i32)) + FIRST;
}

/** How many pages from this one on have their words behind each other. */
function pagesFrom(pfn: u64): u32 {
  return (GROUP_PAGES - (pfn % GROUP_PAGES)) as u32;
}

/** Whether {@link note} can take the event, which it then must. */
export function canNote(pfn: u64, pages: u32): bool {
  if (isEmpty(PAGE_FREE) && word(PAGE_END) >= word(PAGE_CAPACITY)) return false;
  let group = 0;
  for (let done: u32 = 0; done < pages; done += pagesFrom(pfn + done)) {
    const row = findRow(pfn + done);
    if (row < 0) return false;
    setIntAt(rows, group++, row);
  }
  return true;
}

/** `PageHistory.note` of the event in hand; `which` is 0 for an allocation, 1 for a free. */
export function note(pfn: u64, pages: u32, which: i32): void {
  if (pages === 1) noteOne(which);
  else noteMany(pfn, pages, which);
}

function noteOne(which: i32): void {
  const words = at(PAGE_ROWS);
  const row = intAt(rows, 0);
  const own = intAt(words, row + which);
  let record = own >> RECORD_SHIFT;
  if ((own & SOLE) === 0) {
    const isNew = own === 0 && intAt(words, row + 1 - which) === 0 && isEmpty(PAGE_FREE);
    if (own !== 0) release(record);
    if (isNew) {
      const pair = takePair();
      record = pair + which;
      setFloatAt(at(PAGE_MOMENTS), (pair + 1 - which) << 2, NaN);
      setIntAt(words, row + 1 - which, ((record ^ 1) << RECORD_SHIFT) | SOLE);
    } else {
      record = takeRecord();
      setIntAt(at(PAGE_USERS), record, 1);
    }
  }
  writeMoment(record);
  setIntAt(words, row + which, (record << RECORD_SHIFT) | SOLE | LATER);
  setIntAt(words, row + 1 - which, intAt(words, row + 1 - which) & ~LATER);
}

function noteMany(pfn: u64, pages: u32, which: i32): void {
  const words = at(PAGE_ROWS);
  const first = intAt(words, intAt(rows, 0) + which);
  let record = (first & SOLE) === 0 ? first >> RECORD_SHIFT : 0;
  if (
    record !== 0 &&
    (intAt(at(PAGE_USERS), record) !== (pages as i32) || !haveAll(pfn, pages, which, record))
  )
    record = 0;
  const isNew = record === 0;
  if (isNew) {
    record = takeRecord();
    setIntAt(at(PAGE_USERS), record, pages as i32);
  }
  writeMoment(record);
  let group = 0;
  for (let done: u32 = 0; done < pages; group++) {
    const row = intAt(rows, group);
    const count = min<u32>(pages - done, pagesFrom(pfn + done));
    for (let i = row; i < row + 2 * (count as i32); i += 2) {
      if (isNew) leave(intAt(words, i + which));
      setIntAt(words, i + which, (record << RECORD_SHIFT) | LATER);
      setIntAt(words, i + 1 - which, intAt(words, i + 1 - which) & ~LATER);
    }
    done += count;
  }
}

function haveAll(pfn: u64, pages: u32, which: i32, record: i32): bool {
  const words = at(PAGE_ROWS);
  let group = 0;
  for (let done: u32 = 0; done < pages; group++) {
    const row = intAt(rows, group);
    const count = min<u32>(pages - done, pagesFrom(pfn + done));
    for (let i = row + which; i < row + 2 * (count as i32); i += 2) {
      if (intAt(words, i) >> RECORD_SHIFT !== record) return false;
    }
    done += count;
  }
  return true;
}

function writeMoment(record: i32): void {
  event.writeMoment(at(PAGE_MOMENTS) + ((record as usize) << 5), event.stack);
}

function takeRecord(): i32 {
  if (!isEmpty(PAGE_FREE)) return popId(PAGE_FREE);
  const pair = takePair();
  pushId(PAGE_FREE, pair + 1);
  return pair;
}

function takePair(): i32 {
  const pair = word(PAGE_END);
  setWord(PAGE_END, pair + 2);
  return pair;
}

function leave(own: i32): void {
  if ((own & SOLE) !== 0) pushId(PAGE_FREE, own >> RECORD_SHIFT);
  else if (own !== 0) release(own >> RECORD_SHIFT);
}

function release(record: i32): void {
  const users = intAt(at(PAGE_USERS), record) - 1;
  setIntAt(at(PAGE_USERS), record, users);
  if (users === 0) pushId(PAGE_FREE, record);
}
