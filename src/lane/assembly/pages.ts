import { PAGE_LINES, PAGE_LINES_LIMIT, PAGE_LINES_MASK, PAGE_LINES_USED, PAGE_ORDERS } from './board';
import * as event from './event';
import { at, floatAt, intAt, setFloatAt, setWord, toLong, word } from './memory';

// `PageHistory` of blocks that begin where one of their order can, in `PageLines`.

/** What has happened to a block. */
export const ALLOC = 0;
export const FREE = 1;

/** Float64 of a line. */
const WIDES: i32 = 8;
/** Bytes from the beginning of a line, and what is where in an event of it. */
const TIMES: usize = 8;
const EVENTS: usize = 24;
const EVENT_BYTES: usize = 20;
const PID: usize = 0;
const CONTEXT: usize = 4;
const STACK: usize = 8;
const POSITION: usize = 12;
const BITS: usize = 16;
const KNOWN: u32 = 1;
const LATER: u32 = 2;
const CPU_SHIFT: u32 = 2;
const CPU_MASK: u32 = 0x3fff;
const UPPER_SHIFT: u32 = 16;

const ORDER_BITS: u64 = 5;
const NEIGHBOURS: i32 = 8;
const GOLDEN: i32 = -1640531535;
const OF_ORDER: i32 = -2048144789;
const PFN_LIMIT: u64 = 1 << 47;

/** The line of the block that {@link canNote} was asked for. */
let line: usize = 0;

/** Where the line of a block would like to be, among the float64. */
function placeOf(pfn: u64, order: u32, mask: i32): i32 {
  const block = pfn >> (order as u64);
  const hash = (((block >> 3) as i32) + (order as i32) * OF_ORDER) * GOLDEN;
  return ((((hash ^ (hash >>> 15)) * NEIGHBOURS) | ((block & 7) as i32)) * WIDES) & mask;
}

/** Kept so that reading is not optimised away. */
export let touched: i32 = 0;

/** Reads where the line of a block would like to be, which is near then. */
export function touch(pfn: u64, order: u32): void {
  touched += intAt(at(PAGE_LINES), 2 * placeOf(pfn, order, word(PAGE_LINES_MASK)));
}

/** Whether {@link note} can take the event, which it then must. */
export function canNote(pfn: u64, order: u32): bool {
  if (pfn >= PFN_LIMIT || (pfn & ((1 << (order as u64)) - 1)) !== 0) return false;
  const wides = at(PAGE_LINES);
  const mask = word(PAGE_LINES_MASK);
  const key = ((pfn << ORDER_BITS) + (order as u64) + 1) as f64;
  let place = placeOf(pfn, order, mask);
  for (;;) {
    const found = floatAt(wides, place);
    if (found === key) break;
    if (found === 0) {
      const used = word(PAGE_LINES_USED);
      if (used >= word(PAGE_LINES_LIMIT)) return false;
      setWord(PAGE_LINES_USED, used + 1);
      setFloatAt(wides, place, key);
      break;
    }
    place = (place + WIDES) & mask;
  }
  line = wides + ((place as usize) << 3);
  return true;
}

/** `PageHistory.note` of the event in hand; `which` is {@link ALLOC} or {@link FREE}. */
export function note(order: u32, which: i32): void {
  setWord(PAGE_ORDERS, word(PAGE_ORDERS) | (1 << order));
  store<f64>(line + TIMES + ((which as usize) << 3), event.timeNs);
  const first = line + EVENTS + (which as usize) * EVENT_BYTES;
  const position = toLong(event.position);
  store<i32>(first + PID, event.pid);
  store<i32>(first + CONTEXT, event.context);
  store<i32>(first + STACK, event.stack);
  store<u32>(first + POSITION, position as u32);
  store<u32>(
    first + BITS,
    (((position >> 32) as u32) << UPPER_SHIFT) |
      (((event.cpu as u32) & CPU_MASK) << CPU_SHIFT) |
      LATER |
      KNOWN,
  );
  const other = line + EVENTS + ((1 - which) as usize) * EVENT_BYTES + BITS;
  store<u32>(other, load<u32>(other) & ~LATER);
}
