import {
  FAN_BITS,
  REF_FIRST_FREE,
  REF_FREE,
  REF_NEAR,
  REF_NEAR_LENGTH,
  REF_NON_ZERO,
  REF_PENDING,
  REF_SLOTS,
  REF_TOTAL,
} from './board';
import { at, intAt, setIntAt, setWord, word } from './memory';

// The plain cases of `PageRefs`: frames of one block of 2 MiB, or whole blocks of one GiB, in a GiB that has a node.

const FAN: i32 = 1 << FAN_BITS;
const MASK: u64 = FAN - 1;
/** Pages of a block. */
const BLOCK: u64 = FAN;

/** A slot of 2 MiB below this is a lone run: `LONE_LIMIT` and `LONE` of `shadow/page-refs.ts`. */
const LONE_LIMIT: i32 = -(1 << 30);
const LONE: i32 = i32.MIN_VALUE;

/** The slot of a block in which the frames `from` to `to` are mapped once. */
function lone(from: i32, to: i32): i32 {
  return LONE + from + (to - from - 1) * FAN;
}

/** The first frame of a lone run, and the one behind it. */
function loneFirst(slot: i32): i32 {
  return slot & (FAN - 1);
}

function loneEnd(slot: i32): i32 {
  return loneFirst(slot) + ((slot >> FAN_BITS) & (FAN - 1)) + 1;
}

/** Whether frames can be put at one of the ends of a lone run without filling the block. */
function continues(slot: i32, from: i32, to: i32): bool {
  const first = loneFirst(slot);
  const end = loneEnd(slot);
  return (from === end || to === first) && end - first + to - from < FAN;
}

/** Node of a GiB; -1 where it has none: it is one number, or out of reach. */
function midOf(frame: u64): i32 {
  const gib = frame >> (2 * FAN_BITS);
  if (gib >= (word(REF_NEAR_LENGTH) as u64)) return -1;
  const slot = intAt(at(REF_NEAR), gib as i32);
  return slot < 0 ? ~slot : -1;
}

function blockOf(mid: i32, frame: u64): i32 {
  return mid * FAN + (((frame >> FAN_BITS) & MASK) as i32);
}

/** Whether a mapping reaches any of these frames: 0 for no, 1 for yes, -1 where it is not plain. */
export function anyMapped(frame: u64, frames: u32): i32 {
  const gib = frame >> (2 * FAN_BITS);
  if (gib >= (word(REF_NEAR_LENGTH) as u64) || (frame & MASK) + frames > BLOCK) return -1;
  const slot = intAt(at(REF_NEAR), gib as i32);
  if (slot >= 0) return slot > 0 ? 1 : 0;
  const mid = ~slot;
  if (intAt(at(REF_PENDING), mid) > 0) return 1;
  const slots = at(REF_SLOTS);
  const block = intAt(slots, blockOf(mid, frame));
  if (block >= 0) return block > 0 ? 1 : 0;
  if (block < LONE_LIMIT) {
    const from = (frame & MASK) as i32;
    return loneFirst(block) < from + (frames as i32) && from < loneEnd(block) ? 1 : 0;
  }
  const leaf = ~block;
  if (intAt(at(REF_PENDING), leaf) > 0) return 1;
  const first = leaf * FAN + ((frame & MASK) as i32);
  for (let i = first; i < first + (frames as i32); i++) if (intAt(slots, i) !== 0) return 1;
  return 0;
}

function isBlocks(frame: u64, frames: u64): bool {
  return (frames & MASK) === 0 && (frame & MASK) === 0;
}

/** Whether {@link add} can count a mapping of the frames. */
export function canAdd(frame: u64, frames: u64): bool {
  const mid = midOf(frame);
  if (mid < 0) return canAddFirst(frame, frames);
  const slots = at(REF_SLOTS);
  const block = blockOf(mid, frame);
  if (isBlocks(frame, frames)) {
    const count = (frames >> FAN_BITS) as i32;
    if ((block & (FAN - 1)) + count > FAN || intAt(at(REF_NON_ZERO), mid) + count >= FAN) return false;
    for (let i = block; i < block + count; i++) if (intAt(slots, i) < 0) return false;
    return true;
  }
  if ((frame & MASK) + frames > BLOCK) return false;
  const slot = intAt(slots, block);
  if (slot > 0) return false;
  if (slot === 0) return intAt(at(REF_NON_ZERO), mid) + 1 < FAN;
  if (slot < LONE_LIMIT) {
    const from = (frame & MASK) as i32;
    if (continues(slot, from, from + (frames as i32))) return true;
    return word(REF_FIRST_FREE) >= 0 && loneEnd(slot) - loneFirst(slot) + (frames as i32) < FAN;
  }
  return intAt(at(REF_NON_ZERO), ~slot) + (frames as i32) < FAN;
}

/** The same where the GiB has no node. */
function canAddFirst(frame: u64, frames: u64): bool {
  const gib = frame >> (2 * FAN_BITS);
  if (gib >= (word(REF_NEAR_LENGTH) as u64) || intAt(at(REF_NEAR), gib as i32) !== 0) return false;
  if (word(REF_FREE) < 2) return false;
  if (isBlocks(frame, frames)) return ((frame >> FAN_BITS) & MASK) + (frames >> FAN_BITS) < BLOCK;
  return (frame & MASK) + frames <= BLOCK && frames + 1 < BLOCK;
}

/** Counts one more mapping on each of the frames. */
export function add(frame: u64, frames: u64): void {
  let mid = midOf(frame);
  if (mid < 0) {
    mid = takeNode();
    setIntAt(at(REF_NEAR), (frame >> (2 * FAN_BITS)) as i32, ~mid);
  }
  const slots = at(REF_SLOTS);
  const nonZero = at(REF_NON_ZERO);
  const block = blockOf(mid, frame);
  if (isBlocks(frame, frames)) {
    let risen = 0;
    const end = block + ((frames >> FAN_BITS) as i32);
    for (let i = block; i < end; i++) {
      const slot = intAt(slots, i);
      setIntAt(slots, i, slot + 1);
      if (slot === 0) risen++;
    }
    setIntAt(nonZero, mid, intAt(nonZero, mid) + risen);
    return;
  }
  const slot = intAt(slots, block);
  const from = (frame & MASK) as i32;
  const to = from + (frames as i32);
  if (slot === 0) {
    setIntAt(nonZero, mid, intAt(nonZero, mid) + 1);
    setIntAt(slots, block, lone(from, to));
    return;
  }
  let leaf = ~slot;
  if (slot < LONE_LIMIT) {
    const runFirst = loneFirst(slot);
    const runEnd = loneEnd(slot);
    if (continues(slot, from, to)) {
      setIntAt(slots, block, from === runEnd ? lone(runFirst, to) : lone(from, runEnd));
      return;
    }
    leaf = takeNode();
    setIntAt(slots, block, ~leaf);
    for (let i = leaf * FAN + runFirst; i < leaf * FAN + runEnd; i++) setIntAt(slots, i, 1);
    setIntAt(nonZero, leaf, runEnd - runFirst);
    setIntAt(at(REF_TOTAL), leaf, runEnd - runFirst);
  }
  const first = leaf * FAN + ((frame & MASK) as i32);
  let risen = 0;
  for (let i = first; i < first + (frames as i32); i++) {
    const own = intAt(slots, i);
    setIntAt(slots, i, own + 1);
    if (own === 0) risen++;
  }
  setIntAt(at(REF_TOTAL), leaf, intAt(at(REF_TOTAL), leaf) + (frames as i32));
  setIntAt(nonZero, leaf, intAt(nonZero, leaf) + risen);
}

/**
 * Whether {@link remove} can take a mapping of the frames away: all have one of their own.
 */
export function canRemove(frame: u64, frames: u64): bool {
  const mid = midOf(frame);
  if (mid < 0) return false;
  const slots = at(REF_SLOTS);
  const block = blockOf(mid, frame);
  const held = intAt(at(REF_NON_ZERO), mid);
  if (held === FAN || emptied + RUNS_AT_ONCE > MOST_EMPTIED || intAt(at(REF_PENDING), mid) !== 0)
    return false;
  if (isBlocks(frame, frames)) {
    const count = (frames >> FAN_BITS) as i32;
    if ((block & (FAN - 1)) + count > FAN) return false;
    for (let i = block; i < block + count; i++) if (intAt(slots, i) <= 0) return false;
    return true;
  }
  if ((frame & MASK) + frames > BLOCK) return false;
  const slot = intAt(slots, block);
  if (slot >= 0) return false;
  if (slot < LONE_LIMIT) {
    const from = (frame & MASK) as i32;
    const to = from + (frames as i32);
    const first = loneFirst(slot);
    const end = loneEnd(slot);
    return from === first ? to <= end : to === end && from > first;
  }
  const leaf = ~slot;
  if (intAt(at(REF_PENDING), leaf) !== 0) return false;
  const first = leaf * FAN + ((frame & MASK) as i32);
  for (let i = first; i < first + (frames as i32); i++) if (intAt(slots, i) <= 0) return false;
  return true;
}

export function remove(frame: u64, frames: u64): void {
  const mid = midOf(frame);
  const slots = at(REF_SLOTS);
  const nonZero = at(REF_NON_ZERO);
  const block = blockOf(mid, frame);
  if (isBlocks(frame, frames)) {
    let fallen = 0;
    const end = block + ((frames >> FAN_BITS) as i32);
    for (let i = block; i < end; i++) {
      const slot = intAt(slots, i);
      setIntAt(slots, i, slot - 1);
      if (slot === 1) fallen++;
    }
    setIntAt(nonZero, mid, intAt(nonZero, mid) - fallen);
    noteEmpty(frame, mid);
    return;
  }
  const slot = intAt(slots, block);
  if (slot < LONE_LIMIT) {
    const from = (frame & MASK) as i32;
    const to = from + (frames as i32);
    const runFirst = loneFirst(slot);
    const runEnd = loneEnd(slot);
    if (from > runFirst) {
      setIntAt(slots, block, lone(runFirst, from));
    } else if (to < runEnd) {
      setIntAt(slots, block, lone(to, runEnd));
    } else {
      setIntAt(slots, block, 0);
      setIntAt(nonZero, mid, intAt(nonZero, mid) - 1);
      noteEmpty(frame, mid);
    }
    return;
  }
  const leaf = ~slot;
  const first = leaf * FAN + ((frame & MASK) as i32);
  let fallen = 0;
  for (let i = first; i < first + (frames as i32); i++) {
    const own = intAt(slots, i);
    setIntAt(slots, i, own - 1);
    if (own === 1) fallen++;
  }
  setIntAt(at(REF_TOTAL), leaf, intAt(at(REF_TOTAL), leaf) - (frames as i32));
  const left = intAt(nonZero, leaf) - fallen;
  setIntAt(nonZero, leaf, left);
  if (left > 0) return;
  setIntAt(slots, block, 0);
  setIntAt(nonZero, mid, intAt(nonZero, mid) - 1);
  releaseNode(leaf);
  noteEmpty(frame, mid);
}

/** Unmaps of as many runs are told at once: `MOST_RUNS` of the IOVA table. */
const RUNS_AT_ONCE = 128;
const MOST_EMPTIED = 256;
/** GiBs whose node may be empty. */
const emptiedGibs: usize = memory.data(MOST_EMPTIED * 4, 4);
let emptied: i32 = 0;

/** Keeps an empty node until the lane stops: the next map may be in the same GiB. */
function noteEmpty(frame: u64, mid: i32): void {
  if (intAt(at(REF_NON_ZERO), mid) !== 0) return;
  setIntAt(emptiedGibs, emptied, (frame >> (2 * FAN_BITS)) as i32);
  emptied++;
}

/** Takes the nodes that are empty away. */
export function settle(): void {
  const near = at(REF_NEAR);
  for (let i = 0; i < emptied; i++) {
    const gib = intAt(emptiedGibs, i);
    const slot = intAt(near, gib);
    if (slot >= 0 || intAt(at(REF_NON_ZERO), ~slot) !== 0) continue;
    setIntAt(near, gib, 0);
    releaseNode(~slot);
  }
  emptied = 0;
}

/** A node of zeroes. */
function takeNode(): i32 {
  const node = word(REF_FIRST_FREE);
  const nonZero = at(REF_NON_ZERO);
  setWord(REF_FIRST_FREE, intAt(nonZero, node));
  setWord(REF_FREE, word(REF_FREE) - 1);
  if (intAt(at(REF_PENDING), node) !== 0) {
    memory.fill(at(REF_SLOTS) + ((node as usize) << (FAN_BITS + 2)), 0, FAN << 2);
    setIntAt(at(REF_PENDING), node, 0);
  }
  setIntAt(nonZero, node, 0);
  setIntAt(at(REF_TOTAL), node, 0);
  return node;
}

function releaseNode(node: i32): void {
  setIntAt(at(REF_PENDING), node, 0);
  setIntAt(at(REF_NON_ZERO), node, word(REF_FIRST_FREE));
  setWord(REF_FIRST_FREE, node);
  setWord(REF_FREE, word(REF_FREE) + 1);
}
