import {
  FORMER,
  FORMER_CAPACITY,
  FORMER_ENDED,
  FORMER_ENDS,
  FORMER_NOTED,
  FORMER_REMEMBERED,
  KIND_CAPACITY,
  KIND_ENDED,
  KIND_LONGEST,
  KIND_LOW,
  KIND_MADE,
  KIND_MAPS,
  KIND_OVERTAKEN,
  KIND_PERIOD,
  MAP_CAPACITY,
  MAP_DEVICE,
  MAP_DOMAIN,
  MAP_END,
  MAP_FRAME,
  MAP_FREE,
  MAP_GENERATION,
  MAP_IOVA_PAGE,
  MAP_LEFT,
  MAP_LIVE,
  MAP_LIVE_BYTES,
  MAP_MADE,
  MAP_MOMENTS,
  MAP_PAGES,
  MAP_PROT,
  MAP_WATCHED,
} from './board';
import { soleDevice } from './devices';
import * as event from './event';
import {
  at,
  floatAt,
  intAt,
  isEmpty,
  popId,
  pushId,
  setFloatAt,
  setIntAt,
  setWide,
  setWord,
  toFloat,
  toLong,
  wide,
  word,
} from './memory';

const PAGE: f64 = 4096;

/** Bytes of a row of `FormerMappings`. */
const ROW_BYTES: usize = 72;

/** Whether there is room for one mapping more, made with a stack. */
export function canAdd(stack: i32): bool {
  if (isEmpty(MAP_FREE) && word(MAP_END) >= word(MAP_CAPACITY)) return false;
  return stack < word(KIND_CAPACITY) && word(KIND_MAPS) + 1 !== word(KIND_PERIOD);
}

/** `Mappings.add` and `MappingKinds.begin`, of the event in hand. */
export function add(domain: i32, iovaPage: u64, frame: u64, pages: u64, prot: i32, stack: i32): i32 {
  let id: i32;
  if (!isEmpty(MAP_FREE)) {
    id = popId(MAP_FREE);
  } else {
    id = word(MAP_END);
    setWord(MAP_END, id + 1);
  }
  setIntAt(at(MAP_DOMAIN), id, domain);
  setFloatAt(at(MAP_IOVA_PAGE), id, toFloat(iovaPage));
  setFloatAt(at(MAP_FRAME), id, toFloat(frame));
  setFloatAt(at(MAP_PAGES), id, toFloat(pages));
  setFloatAt(at(MAP_LEFT), id, toFloat(pages));
  setIntAt(at(MAP_DEVICE), id, 0);
  setIntAt(at(MAP_GENERATION), id, 0);
  setIntAt(at(MAP_PROT), id, prot);
  setIntAt(at(MAP_WATCHED), id, 0);
  event.writeMoment(at(MAP_MOMENTS) + ((id as usize) << 5), stack);
  setWide(MAP_MADE, wide(MAP_MADE) + 1);
  setWide(MAP_LIVE, wide(MAP_LIVE) + 1);
  setWide(MAP_LIVE_BYTES, wide(MAP_LIVE_BYTES) + toFloat(pages) * PAGE);
  setIntAt(at(KIND_MADE), stack, intAt(at(KIND_MADE), stack) + 1);
  setWord(KIND_MAPS, word(KIND_MAPS) + 1);
  return id;
}

/** Frame that an IOVA page of a mapping leads to. */
export function frameAt(id: i32, iovaPage: u64): u64 {
  return toLong(floatAt(at(MAP_FRAME), id)) + iovaPage - toLong(floatAt(at(MAP_IOVA_PAGE), id));
}

/** Whether so many ends can be noted. */
export function canEnd(count: i32): bool {
  const capacity = word(FORMER_CAPACITY);
  return capacity === word(FORMER_REMEMBERED) || wide(FORMER_NOTED) + (count as f64) <= (capacity as f64);
}

/** Pages of a mapping are unmapped by the event in hand, whose moment is kept at `end`: `Endings.end`. */
export function end(id: i32, iovaPage: u64, pages: u64, domain: i32, end: i32): void {
  noteFormer(id, iovaPage, toFloat(pages), domain, end);
  const left = floatAt(at(MAP_LEFT), id) - toFloat(pages);
  setFloatAt(at(MAP_LEFT), id, left);
  gone(left > 0 ? 0 : 1, toFloat(pages));
  if (left > 0) return;
  const made = at(MAP_MOMENTS) + ((id as usize) << 5);
  const madeNs = load<f64>(made);
  endKind(load<i32>(made + 28), 1, madeNs, madeNs);
  setFloatAt(at(MAP_PAGES), id, 0);
  pushId(MAP_FREE, id);
}

/** Keeps the moment of the event in hand for what it ends: `FormerMappings.end`. Returns where. */
export function noteEnd(stack: i32): i32 {
  const ended = wide(FORMER_ENDED);
  setWide(FORMER_ENDED, ended + 1);
  const end = (toLong(ended) as i32) & (word(FORMER_CAPACITY) - 1);
  event.writeMoment(at(FORMER_ENDS) + ((end as usize) << 5), stack);
  return end;
}

/** `FormerMappings.note`, of what the unmap whose moment is kept at `end` has ended. */
export function noteFormer(id: i32, iovaPage: u64, pages: f64, domain: i32, end: i32): void {
  const noted = wide(FORMER_NOTED);
  setWide(FORMER_NOTED, noted + 1);
  const slot = (toLong(noted) as i32) & (word(FORMER_CAPACITY) - 1);
  const row = at(FORMER) + (slot as usize) * ROW_BYTES;
  const own = intAt(at(MAP_DEVICE), id);
  store<f64>(row, toFloat(iovaPage));
  store<f64>(row + 8, toFloat(frameAt(id, iovaPage)));
  store<f64>(row + 16, pages);
  event.copyMoment(row + 24, at(MAP_MOMENTS) + ((id as usize) << 5));
  store<i32>(row + 56, intAt(at(MAP_DOMAIN), id));
  store<i32>(row + 60, own !== 0 ? own : soleDevice(domain));
  store<i32>(row + 64, intAt(at(MAP_PROT), id));
  store<i32>(row + 68, end);
}

/** `FormerMappings.skip` of one. */
export function skipFormer(): void {
  setWide(FORMER_NOTED, wide(FORMER_NOTED) + 1);
}

/** `MappingKinds.endMany`. */
export function endKind(kind: i32, count: i32, oldestNs: f64, youngestNs: f64): void {
  if (count === 0) return;
  const ended = intAt(at(KIND_ENDED), kind) + count;
  setIntAt(at(KIND_ENDED), kind, ended);
  const live = intAt(at(KIND_MADE), kind) - ended;
  if (live < intAt(at(KIND_LOW), kind)) setIntAt(at(KIND_LOW), kind, live);
  const age = event.timeNs - oldestNs;
  if (age > floatAt(at(KIND_LONGEST), kind)) setFloatAt(at(KIND_LONGEST), kind, age);
  if (youngestNs > floatAt(at(KIND_OVERTAKEN), kind)) setFloatAt(at(KIND_OVERTAKEN), kind, youngestNs);
}

/** So many mappings, of so many pages together, live no more. */
export function gone(count: i32, pages: f64): void {
  setWide(MAP_LIVE, wide(MAP_LIVE) - (count as f64));
  setWide(MAP_LIVE_BYTES, wide(MAP_LIVE_BYTES) - pages * PAGE);
}
