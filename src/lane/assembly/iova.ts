import {
  CHANGED_GIB_COUNT,
  CHANGED_GIB_WORDS,
  CHANGED_GIBS,
  FAN_BITS,
  GIB_ENTRIES,
  GIBS,
  IOVA_FIRST_FREE,
  IOVA_FREE,
  IOVA_NON_ZERO,
  IOVA_SLOTS,
  MOST_CHANGED_GIBS,
  OUT_HIGH,
  OUT_LOW,
} from './board';
import { at, intAt, setIntAt, setWord, word } from './memory';

// The plain cases of `IovaTable`: pages of one block of 2 MiB, whole blocks of one GiB, or a whole GiB.

const FAN: i32 = 1 << FAN_BITS;
const MASK: u64 = FAN - 1;
/** Pages of a block. */
const BLOCK: u64 = FAN;
const GIB: u64 = BLOCK << FAN_BITS;

/** Answers of {@link midOf}: the GiB has no node; its slot is not remembered, and the host is to be asked. */
export const NO_NODE = -1;
export const NOT_KNOWN = -2;

const GOLDEN: i32 = -1640531535;
const GOLDEN_TOO: i32 = -2048144789;

/** Where the slot of a GiB is remembered: domain, GiB, slot. */
function entryOf(domain: i32, gib: u64): usize {
  const hash = (domain * GOLDEN) ^ ((gib as i32) * GOLDEN_TOO);
  return at(GIBS) + (((hash ^ (hash >>> 15)) & (GIB_ENTRIES - 1)) << 4);
}

/** Takes note of the slot of a GiB. */
export function setGib(domain: i32, gib: u32, slot: i32): void {
  const entry = entryOf(domain, gib);
  store<i32>(entry, domain + 1);
  store<u32>(entry + 4, gib);
  store<i32>(entry + 8, slot);
}

/** The slot of a GiB of a domain into {@link gibSlot}; false where the host has to be asked. */
function find(domain: i32, page: u64): bool {
  const gib = page >> (2 * FAN_BITS);
  const entry = entryOf(domain, gib);
  if (load<i32>(entry) === domain + 1 && (load<u32>(entry + 4) as u64) === gib) {
    gibSlot = load<i32>(entry + 8);
    return true;
  }
  setWord(OUT_HIGH, domain);
  setWord(OUT_LOW, gib as i32);
  return false;
}

let gibSlot: i32 = 0;

/** The node of the GiB of a page. */
export function midOf(domain: i32, page: u64): i32 {
  if (!find(domain, page)) return NOT_KNOWN;
  return gibSlot < 0 ? ~gibSlot : NO_NODE;
}

export function blockOf(mid: i32, page: u64): i32 {
  return mid * FAN + (((page >> FAN_BITS) & MASK) as i32);
}

function isBlocks(page: u64, pages: u64): bool {
  return (pages & MASK) === 0 && (page & MASK) === 0;
}

/** Mapping of a page, 0 for none; {@link NOT_KNOWN}. */
export function get(domain: i32, page: u64): i32 {
  if (!find(domain, page)) return NOT_KNOWN;
  if (gibSlot >= 0) return gibSlot;
  const slots = at(IOVA_SLOTS);
  const block = intAt(slots, blockOf(~gibSlot, page));
  return block >= 0 ? block : intAt(slots, ~block * FAN + ((page & MASK) as i32));
}

/** Whether {@link map} can map the free pages: 1 for yes, 0 for no, {@link NOT_KNOWN}. */
export function canMap(domain: i32, page: u64, pages: u64): i32 {
  const mid = midOf(domain, page);
  if (mid === NOT_KNOWN) return NOT_KNOWN;
  if (mid === NO_NODE) return canMapFirst(page, pages) ? 1 : 0;
  if (pages >= GIB) return 0;
  const slots = at(IOVA_SLOTS);
  const block = blockOf(mid, page);
  if (isBlocks(page, pages)) {
    const count = (pages >> FAN_BITS) as i32;
    if ((block & (FAN - 1)) + count > FAN) return 0;
    for (let i = block; i < block + count; i++) if (intAt(slots, i) !== 0) return 0;
    return 1;
  }
  if ((page & MASK) + pages > BLOCK) return 0;
  const slot = intAt(slots, block);
  if (slot > 0) return 0;
  if (slot === 0) return word(IOVA_FIRST_FREE) >= 0 ? 1 : 0;
  const first = ~slot * FAN + ((page & MASK) as i32);
  for (let i = first; i < first + (pages as i32); i++) if (intAt(slots, i) !== 0) return 0;
  return 1;
}

/** The same where the GiB, whose slot was found last, has no node. */
function canMapFirst(page: u64, pages: u64): bool {
  if (gibSlot !== 0 || word(IOVA_FREE) < 2 || !canNoteChange()) return false;
  if (isBlocks(page, pages)) return (page & (GIB - 1)) + pages <= GIB;
  return (page & MASK) + pages <= BLOCK;
}

export function map(domain: i32, page: u64, pages: u64, id: i32): void {
  if (pages === GIB) {
    setSlot(domain, page, id);
    return;
  }
  let mid = midOf(domain, page);
  if (mid < 0) {
    mid = takeNode();
    setSlot(domain, page, ~mid);
  }
  const slots = at(IOVA_SLOTS);
  const nonZero = at(IOVA_NON_ZERO);
  const block = blockOf(mid, page);
  if (isBlocks(page, pages)) {
    const count = (pages >> FAN_BITS) as i32;
    for (let i = block; i < block + count; i++) setIntAt(slots, i, id);
    setIntAt(nonZero, mid, intAt(nonZero, mid) + count);
    return;
  }
  let leaf = ~intAt(slots, block);
  if (leaf < 0) {
    leaf = takeNode();
    setIntAt(slots, block, ~leaf);
    setIntAt(nonZero, mid, intAt(nonZero, mid) + 1);
  }
  const first = leaf * FAN + ((page & MASK) as i32);
  for (let i = first; i < first + (pages as i32); i++) setIntAt(slots, i, id);
  setIntAt(nonZero, leaf, intAt(nonZero, leaf) + (pages as i32));
}

const MOST_RUNS = 128;
/** What {@link collect} has found: ids, and the pages of each. */
const runIds: usize = memory.data(MOST_RUNS * 4, 4);
const runPages: usize = memory.data(MOST_RUNS * 8, 8);
const runFirsts: usize = memory.data(MOST_RUNS * 8, 8);
export let runs: i32 = 0;

export function runId(i: i32): i32 {
  return intAt(runIds, i);
}

export function runLength(i: i32): u64 {
  return load<u64>(runPages + (i << 3));
}

/** First IOVA page of a run. */
export function runStart(i: i32): u64 {
  return load<u64>(runFirsts + (i << 3));
}

function push(id: i32, page: u64, pages: u64): bool {
  const last = runs - 1;
  if (last >= 0 && intAt(runIds, last) === id && runStart(last) + runLength(last) === page) {
    store<u64>(runPages + (last << 3), runLength(last) + pages);
    return true;
  }
  if (runs === MOST_RUNS) return false;
  setIntAt(runIds, runs, id);
  store<u64>(runFirsts + (runs << 3), page);
  store<u64>(runPages + (runs << 3), pages);
  runs++;
  return true;
}

/** Finds what {@link clear} can empty: mappings, or parts of them. 1 for yes, 0 for no, {@link NOT_KNOWN}. */
export function collect(domain: i32, page: u64, pages: u64): i32 {
  const mid = midOf(domain, page);
  if (mid === NOT_KNOWN) return NOT_KNOWN;
  runs = 0;
  if ((page & (GIB - 1)) + pages > GIB) return 0;
  // A node of blocks, and one at each ragged edge.
  if (mid === NO_NODE)
    return gibSlot > 0 && canNoteChange() && word(IOVA_FREE) >= 3 && push(gibSlot, page, pages) ? 1 : 0;
  const slots = at(IOVA_SLOTS);
  const nonZero = at(IOVA_NON_ZERO);
  let emptied = 0;
  let needed = 0;
  const end = page + pages;
  for (let from = page; from < end; ) {
    const to = min<u64>(end, (from & ~MASK) + BLOCK);
    const slot = intAt(slots, blockOf(mid, from));
    if (slot > 0) {
      if (!push(slot, from, to - from)) return 0;
      if (to - from === BLOCK) emptied++;
      else needed++;
    } else if (slot < 0) {
      const first = ~slot * FAN;
      let found = 0;
      for (let each = from; each < to; each++) {
        const id = intAt(slots, first + ((each & MASK) as i32));
        if (id === 0) continue;
        if (!push(id, each, 1)) return 0;
        found++;
      }
      if (found === intAt(nonZero, ~slot)) emptied++;
    }
    from = to;
  }
  if (intAt(nonZero, mid) === emptied && !canNoteChange()) return 0;
  return runs > 0 && needed <= word(IOVA_FREE) ? 1 : 0;
}

/** Empties a page whose mapping {@link get} has found in a node of pages; false where it is elsewhere. */
export function clearPage(domain: i32, page: u64): bool {
  if (gibSlot >= 0) return false;
  const mid = ~gibSlot;
  const slots = at(IOVA_SLOTS);
  const nonZero = at(IOVA_NON_ZERO);
  const block = blockOf(mid, page);
  const leaf = ~intAt(slots, block);
  if (leaf < 0) return false;
  const held = intAt(nonZero, leaf) - 1;
  const heldAbove = intAt(nonZero, mid) - 1;
  if (held === 0 && heldAbove === 0 && !canNoteChange()) return false;
  setIntAt(slots, leaf * FAN + ((page & MASK) as i32), 0);
  setIntAt(nonZero, leaf, held);
  if (held > 0) return true;
  setIntAt(slots, block, 0);
  setIntAt(nonZero, mid, heldAbove);
  releaseNode(leaf);
  if (heldAbove === 0) noteChange(domain, page, ~mid);
  return true;
}

/** Empties what {@link collect} has found. */
export function clear(domain: i32, page: u64, pages: u64): void {
  let mid = midOf(domain, page);
  if (mid < 0) {
    if (pages === GIB) {
      setSlot(domain, page, 0);
      return;
    }
    mid = takeFull(gibSlot);
    setSlot(domain, page, ~mid);
  }
  const slots = at(IOVA_SLOTS);
  const nonZero = at(IOVA_NON_ZERO);
  const end = page + pages;
  for (let from = page; from < end; ) {
    const to = min<u64>(end, (from & ~MASK) + BLOCK);
    const block = blockOf(mid, from);
    let slot = intAt(slots, block);
    if (slot > 0 && to - from < BLOCK) {
      slot = ~takeFull(slot);
      setIntAt(slots, block, slot);
    }
    if (slot > 0) {
      setIntAt(slots, block, 0);
      setIntAt(nonZero, mid, intAt(nonZero, mid) - 1);
    } else if (slot < 0) {
      const leaf = ~slot;
      const first = leaf * FAN + ((from & MASK) as i32);
      let found = 0;
      for (let i = first; i < first + ((to - from) as i32); i++) {
        if (intAt(slots, i) === 0) continue;
        setIntAt(slots, i, 0);
        found++;
      }
      const held = intAt(nonZero, leaf) - found;
      setIntAt(nonZero, leaf, held);
      if (held === 0) {
        setIntAt(slots, block, 0);
        setIntAt(nonZero, mid, intAt(nonZero, mid) - 1);
        releaseNode(leaf);
      }
    }
    from = to;
  }
  if (intAt(nonZero, mid) === 0) noteChange(domain, page, ~mid);
}

/** Gives a GiB another slot. */
function setSlot(domain: i32, page: u64, slot: i32): void {
  setGib(domain, (page >> (2 * FAN_BITS)) as u32, slot);
  noteChange(domain, page, slot);
}

/** Whether {@link noteChange} has room. */
export function canNoteChange(): bool {
  return word(CHANGED_GIB_COUNT) < MOST_CHANGED_GIBS;
}

/**
 * Leaves word of the slot of a GiB, which has changed or is a node that is empty. The host takes empty nodes away when
 * the lane stops: until then the next map may be in the same GiB.
 */
export function noteChange(domain: i32, page: u64, slot: i32): void {
  const gib = (page >> (2 * FAN_BITS)) as i32;
  const count = word(CHANGED_GIB_COUNT);
  let entry = at(CHANGED_GIBS);
  for (let i = 0; i < count; i++, entry += CHANGED_GIB_WORDS << 2) {
    if (load<i32>(entry) !== domain || load<i32>(entry + 4) !== gib) continue;
    store<i32>(entry + 8, slot);
    return;
  }
  store<i32>(entry, domain);
  store<i32>(entry + 4, gib);
  store<i32>(entry + 8, slot);
  setWord(CHANGED_GIB_COUNT, count + 1);
}

/** A node of zeroes: free ones are. */
function takeNode(): i32 {
  const node = word(IOVA_FIRST_FREE);
  const nonZero = at(IOVA_NON_ZERO);
  setWord(IOVA_FIRST_FREE, intAt(nonZero, node));
  setWord(IOVA_FREE, word(IOVA_FREE) - 1);
  setIntAt(nonZero, node, 0);
  return node;
}

/** A node in which everything belongs to a mapping. */
function takeFull(id: i32): i32 {
  const node = takeNode();
  const slots = at(IOVA_SLOTS);
  for (let i = node * FAN; i < (node + 1) * FAN; i++) setIntAt(slots, i, id);
  setIntAt(at(IOVA_NON_ZERO), node, FAN);
  return node;
}

/** A node without pages is free. */
export function releaseNode(node: i32): void {
  setIntAt(at(IOVA_NON_ZERO), node, word(IOVA_FIRST_FREE));
  setWord(IOVA_FIRST_FREE, node);
  setWord(IOVA_FREE, word(IOVA_FREE) + 1);
}
