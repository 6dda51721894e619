import {
  FAN_BITS,
  FORMER_REMEMBERED,
  IOVA_NON_ZERO,
  IOVA_SLOTS,
  MAP_DEVICE,
  MAP_FRAME,
  MAP_FREE,
  MAP_GENERATION,
  MAP_MOMENTS,
  MAP_PAGES,
  MAP_WATCHED,
  MAP_WATCHED_LIVE,
} from './board';
import { isOrdinaryEnd } from './devices';
import * as iova from './iova';
import * as mappings from './mappings';
import { at, floatAt, intAt, setFloatAt, setIntAt, toLong, word } from './memory';
import * as counts from './uncount';

// Ends all mappings in a range of one GiB, as `Drain` of the shadow does: a GiB may have been mapped in a million pieces, so
// it is gone through node by node, twice, without a list of what is in it: once to see whether all of it is ordinary, and
// once to end it.

const FAN: i32 = 1 << FAN_BITS;
const MASK: u64 = FAN - 1;
const BLOCK: u64 = FAN;
const GIB: u64 = BLOCK << FAN_BITS;

/** A slot that holds nothing: what is gone through ends with it. */
const nothing: usize = memory.data(4, 4);

// What is in hand: pages of one mapping that adjoin, and frames that do.
let runId: i32 = 0;
let runPage: u64 = 0;
let runPages: f64 = 0;
let rangeFrame: f64 = 0;
let rangeEnd: f64 = 0;
/** Runs gone through, and those that need not be remembered because so many come behind them. */
let runs: i32 = 0;
let unnoted: i32 = 0;

function begin(): void {
  runId = 0;
  rangeFrame = 0;
  rangeEnd = 0;
  runs = 0;
}

/** Whether {@link drain} can end what is in the range: 1 for yes, 0 for no, `NOT_KNOWN`. */
export function canDrain(domain: i32, page: u64, pages: u64): i32 {
  const mid = iova.midOf(domain, page);
  if (mid < 0) return mid === iova.NOT_KNOWN ? iova.NOT_KNOWN : 0;
  if ((page & (GIB - 1)) + pages > GIB || !iova.canNoteChange()) return 0;
  begin();
  counts.startRemoving();
  const slots = at(IOVA_SLOTS);
  const end = page + pages;
  for (let from = page; from < end; ) {
    let to = min<u64>(end, (from & ~MASK) + BLOCK);
    const block = iova.blockOf(mid, from);
    const slot = intAt(slots, block);
    if (slot < 0) {
      const first = ~slot * FAN + ((from & MASK) as i32);
      if (!look(domain, slots + ((first as usize) << 2), (to - from) as i32, 1)) return 0;
    } else {
      if (slot > 0 && to - from < BLOCK) return 0;
      const blocks = blocksFrom(slots, block, to, end);
      if (!look(domain, slots + ((block as usize) << 2), blocks, BLOCK as f64)) return 0;
      to += ((blocks - 1) as u64) << FAN_BITS;
    }
    from = to;
  }
  if (!look(domain, nothing, 1, 1) || !canUncount()) return 0;
  return mappings.canEnd(runs) ? 1 : 0;
}

/** How many blocks have no node, from one on that ends at `to`: as many as are whole, but at least that one. */
function blocksFrom(slots: usize, block: i32, to: u64, end: u64): i32 {
  const most = 1 + (((end - to) >> FAN_BITS) as i32);
  let blocks = 1;
  while (blocks < most && intAt(slots, block + blocks) >= 0) blocks++;
  return blocks;
}

function canUncount(): bool {
  return rangeEnd === rangeFrame || counts.canRemove(toLong(rangeFrame), toLong(rangeEnd - rangeFrame));
}

/** Goes through slots, each of which stands for so many pages; whether what ends in them is whole, and ordinary. */
function look(domain: i32, slots: usize, count: i32, unit: f64): bool {
  const mapped = at(MAP_PAGES);
  const frames = at(MAP_FRAME);
  const devices = at(MAP_DEVICE);
  const generations = at(MAP_GENERATION);
  const watched = at(MAP_WATCHED);
  const anyWatched = word(MAP_WATCHED_LIVE) !== 0;
  const end = slots + ((count as usize) << 2);
  let id = runId;
  let pages = runPages;
  let lastFrame = rangeEnd;
  // Of the mapping before this one.
  let device = -1;
  let generation = 0;
  let ended = 0;
  for (let slot = slots; slot < end; slot += 4) {
    const next = load<i32>(slot);
    if (next === id) {
      pages += unit;
      continue;
    }
    if (id !== 0) {
      // A mapping that is here with all of its pages has lost none.
      if (floatAt(mapped, id) !== pages) return false;
      if (anyWatched && intAt(watched, id) !== 0) return false;
      if (intAt(devices, id) !== device || intAt(generations, id) !== generation) {
        if (!isOrdinaryEnd(id, domain)) return false;
        device = intAt(devices, id);
        generation = intAt(generations, id);
      }
      const frame = floatAt(frames, id);
      if (frame !== lastFrame) {
        rangeEnd = lastFrame;
        if (!canUncount()) return false;
        rangeFrame = frame;
        lastFrame = frame;
      }
      lastFrame += pages;
      ended++;
    }
    id = next;
    pages = unit;
  }
  runId = id;
  runPages = pages;
  rangeEnd = lastFrame;
  runs += ended;
  return true;
}

/** Ends what {@link canDrain} was asked for, by the event in hand. */
export function drain(domain: i32, page: u64, pages: u64, stack: i32): void {
  const ended = mappings.noteEnd(stack);
  unnoted = max<i32>(0, runs - word(FORMER_REMEMBERED));
  begin();
  const mid = iova.midOf(domain, page);
  const slots = at(IOVA_SLOTS);
  const nonZero = at(IOVA_NON_ZERO);
  let emptied = 0;
  const end = page + pages;
  for (let from = page; from < end; ) {
    let to = min<u64>(end, (from & ~MASK) + BLOCK);
    const block = iova.blockOf(mid, from);
    const slot = intAt(slots, block);
    if (slot < 0) {
      const leaf = ~slot;
      const first = slots + (((leaf * FAN + ((from & MASK) as i32)) as usize) << 2);
      const count = (to - from) as i32;
      const left = intAt(nonZero, leaf) - take(domain, first, count, from, 1, ended);
      memory.fill(first, 0, (count as usize) << 2);
      setIntAt(nonZero, leaf, left);
      if (left === 0) {
        setIntAt(slots, block, 0);
        iova.releaseNode(leaf);
        emptied++;
      }
    } else {
      const first = slots + ((block as usize) << 2);
      const blocks = blocksFrom(slots, block, to, end);
      emptied += take(domain, first, blocks, from, BLOCK as f64, ended);
      memory.fill(first, 0, (blocks as usize) << 2);
      to += ((blocks - 1) as u64) << FAN_BITS;
    }
    from = to;
  }
  take(domain, nothing, 1, end, 1, ended);
  uncountLater();
  uncount();
  const left = intAt(nonZero, mid) - emptied;
  setIntAt(nonZero, mid, left);
  if (left === 0) iova.noteChange(domain, page, ~mid);
}

/** Ranges of frames are kept back until they are uncounted together. */
const KEPT_BACK: i32 = 512;
const keptFrames: usize = memory.data(KEPT_BACK * 8, 8);
const keptLengths: usize = memory.data(KEPT_BACK * 8, 8);
let kept: i32 = 0;

function uncountLater(): void {
  if (rangeEnd === rangeFrame) return;
  setFloatAt(keptFrames, kept, rangeFrame);
  setFloatAt(keptLengths, kept, rangeEnd - rangeFrame);
  kept++;
  if (kept === KEPT_BACK) uncount();
}

function uncount(): void {
  if (kept > 1) counts.touch(keptFrames, kept);
  for (let i = 0; i < kept; i++)
    counts.remove(toLong(floatAt(keptFrames, i)), toLong(floatAt(keptLengths, i)));
  kept = 0;
}

/** Goes through slots as {@link look} does and ends the mappings that end in them. Returns how many slots held one. */
function take(domain: i32, slots: usize, count: i32, page: u64, unit: f64, endedAt: i32): i32 {
  const mapped = at(MAP_PAGES);
  const frames = at(MAP_FRAME);
  const moments = at(MAP_MOMENTS);
  const free = at(MAP_FREE);
  const before = load<i32>(free);
  const end = slots + ((count as usize) << 2);
  let freed = before;
  let id = runId;
  let pages = runPages;
  let firstPage = runPage;
  let lastFrame = rangeEnd;
  let found = 0;
  let all: f64 = 0;
  let kind = -1;
  let ended = 0;
  let oldestNs: f64 = 0;
  let youngestNs: f64 = 0;
  for (let slot = slots; slot < end; slot += 4) {
    const next = load<i32>(slot);
    if (next !== 0) found++;
    if (next === id) {
      pages += unit;
      continue;
    }
    if (id !== 0) {
      const frame = floatAt(frames, id);
      if (frame !== lastFrame) {
        rangeEnd = lastFrame;
        uncountLater();
        rangeFrame = frame;
        lastFrame = frame;
      }
      lastFrame += pages;
      all += pages;
      const made = moments + ((id as usize) << 5);
      const madeNs = load<f64>(made);
      const itsKind = load<i32>(made + 28);
      if (itsKind !== kind) {
        mappings.endKind(kind, ended, oldestNs, youngestNs);
        kind = itsKind;
        ended = 0;
        oldestNs = madeNs;
        youngestNs = madeNs;
      }
      ended++;
      if (madeNs < oldestNs) oldestNs = madeNs;
      if (madeNs > youngestNs) youngestNs = madeNs;
      if (unnoted > 0) {
        unnoted--;
        mappings.skipFormer();
      } else {
        mappings.noteFormer(id, firstPage, pages, domain, endedAt);
      }
      setFloatAt(mapped, id, 0);
      freed++;
      setIntAt(free, freed, id);
    }
    id = next;
    pages = unit;
    firstPage = page + (((slot - slots) >> 2) as u64) * (unit as u64);
  }
  mappings.endKind(kind, ended, oldestNs, youngestNs);
  store<i32>(free, freed);
  mappings.gone(freed - before, all);
  runId = id;
  runPages = pages;
  runPage = firstPage;
  rangeEnd = lastFrame;
  return found;
}
