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
import { at, floatAt, intAt, setIntAt, setWord, toLong, word } from './memory';

// The plain cases of `PageRefs`. To add: frames of one block of 2 MiB, whole blocks of one GiB, or a whole GiB. To remove: all
// but what needs a pending count.

const FAN: i32 = 1 << FAN_BITS;
const MASK: u64 = FAN - 1;
/** Pages of a block. */
const BLOCK: u64 = FAN;
const GIB: u64 = BLOCK << FAN_BITS;

/** GiBs whose slots are in one array, as far as it was needed. */
const NEAR_GIBS: u64 = 1 << 22;

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

/** Whether frames can be put at one of the ends of a lone run. */
function continues(slot: i32, from: i32, to: i32): bool {
  const first = loneFirst(slot);
  const end = loneEnd(slot);
  return from === end || to === first;
}

/** Whether frames of a lone run are at none of its ends. */
function isWithin(slot: i32, from: i32, to: i32): bool {
  return from > loneFirst(slot) && to < loneEnd(slot);
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
  const end = frame + frames;
  if (gib >= NEAR_GIBS || (frame & (GIB - 1)) + frames > GIB) return -1;
  if (gib >= (word(REF_NEAR_LENGTH) as u64)) return 0;
  const slot = intAt(at(REF_NEAR), gib as i32);
  if (slot >= 0) return slot > 0 ? 1 : 0;
  const mid = ~slot;
  if (intAt(at(REF_PENDING), mid) > 0) return 1;
  for (let from = frame; from < end; ) {
    const to = min<u64>(end, (from & ~MASK) + BLOCK);
    const block = intAt(at(REF_SLOTS), blockOf(mid, from));
    if (block !== 0 && isMappedIn(block, (from & MASK) as i32, (((to - 1) & MASK) as i32) + 1)) return 1;
    from = to;
  }
  return 0;
}

/** The same of frames of a block whose slot is not 0. */
function isMappedIn(block: i32, from: i32, to: i32): bool {
  if (block > 0) return true;
  if (block < LONE_LIMIT) return loneFirst(block) < to && from < loneEnd(block);
  const leaf = ~block;
  if (intAt(at(REF_PENDING), leaf) > 0) return true;
  const slots = at(REF_SLOTS);
  for (let i = leaf * FAN + from; i < leaf * FAN + to; i++) if (intAt(slots, i) !== 0) return true;
  return false;
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
  if (gib >= (word(REF_NEAR_LENGTH) as u64)) return false;
  const slot = intAt(at(REF_NEAR), gib as i32);
  if (frames === GIB && (frame & (GIB - 1)) === 0) return slot >= 0;
  if (slot !== 0 || word(REF_FREE) < 2) return false;
  if (isBlocks(frame, frames)) return ((frame >> FAN_BITS) & MASK) + (frames >> FAN_BITS) < BLOCK;
  return (frame & MASK) + frames <= BLOCK && frames + 1 < BLOCK;
}

/** Counts one more mapping on each of the frames. */
export function add(frame: u64, frames: u64): void {
  const gib = (frame >> (2 * FAN_BITS)) as i32;
  if (frames === GIB) {
    setIntAt(at(REF_NEAR), gib, intAt(at(REF_NEAR), gib) + 1);
    return;
  }
  let mid = midOf(frame);
  if (mid < 0) {
    mid = takeNode();
    setIntAt(at(REF_NEAR), gib, ~mid);
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
      const first = min(from, runFirst);
      const end = max(to, runEnd);
      setIntAt(slots, block, end - first === FAN ? 1 : lone(first, end));
      return;
    }
    leaf = unfold(block, runFirst, runEnd);
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

/** Nodes that are needed to remove what {@link canRemove} was asked for since {@link startRemoving}. */
let needed: i32 = 0;

/** What {@link canRemove} is asked for from now on is removed together. */
export function startRemoving(): void {
  needed = 0;
}

/** Whether {@link remove} can take a mapping of frames away, each of which has one. */
export function canRemove(frame: u64, frames: u64): bool {
  if (frames === BLOCK && (frame & MASK) === 0) {
    const mid = midOf(frame);
    if (mid >= 0 && intAt(at(REF_PENDING), mid) === 0 && intAt(at(REF_SLOTS), blockOf(mid, frame)) > 0)
      return true;
  }
  const end = frame + frames;
  for (let from = frame; from < end; ) {
    const to = min<u64>(end, (from & ~(GIB - 1)) + GIB);
    if (!canRemoveInGib(from, to)) return false;
    from = to;
  }
  return needed <= word(REF_FREE);
}

function canRemoveInGib(frame: u64, end: u64): bool {
  const gib = frame >> (2 * FAN_BITS);
  if (gib >= (word(REF_NEAR_LENGTH) as u64)) return false;
  const gibSlot = intAt(at(REF_NEAR), gib as i32);
  if (gibSlot >= 0) {
    // A node of blocks, and one at each ragged edge.
    if (end - frame < GIB) needed += 3;
    return gibSlot > 0;
  }
  const mid = ~gibSlot;
  const pending = at(REF_PENDING);
  if (intAt(pending, mid) !== 0) return false;
  const slots = at(REF_SLOTS);
  for (let from = frame; from < end; ) {
    const to = min<u64>(end, (from & ~MASK) + BLOCK);
    const slot = intAt(slots, blockOf(mid, from));
    if (slot === 0) return false;
    if (slot > 0) {
      if (to - from < BLOCK) needed++;
    } else if (slot < LONE_LIMIT) {
      if (isWithin(slot, (from & MASK) as i32, (((to - 1) & MASK) as i32) + 1)) needed++;
    } else if (intAt(pending, ~slot) !== 0) {
      return false;
    }
    from = to;
  }
  return true;
}

/** Kept so that reading is not optimised away. */
export let touched: i32 = 0;

/**
 * Reads the slots of many frames. Each of these accesses may have to wait for memory, but none for the one before it: what
 * comes after finds the slots near.
 */
export function touch(frames: usize, count: i32): void {
  const near = at(REF_NEAR);
  const slots = at(REF_SLOTS);
  for (let i = 0; i < count; i++) {
    const frame = toLong(floatAt(frames, i));
    const mid = ~intAt(near, (frame >> (2 * FAN_BITS)) as i32);
    if (mid < 0) continue;
    const block = intAt(slots, blockOf(mid, frame));
    if (block < 0 && block >= LONE_LIMIT) touched += intAt(slots, ~block * FAN + ((frame & MASK) as i32));
  }
}

/** Counts one mapping less on each of the frames. */
export function remove(frame: u64, frames: u64): void {
  if (frames === BLOCK && (frame & MASK) === 0 && removeBlock(frame)) return;
  const end = frame + frames;
  for (let from = frame; from < end; ) {
    const to = min<u64>(end, (from & ~(GIB - 1)) + GIB);
    removeInGib(from, to);
    from = to;
  }
}

/** The same of a block that has no node, in a GiB that has one: most of what is large is such. */
function removeBlock(frame: u64): bool {
  const mid = midOf(frame);
  if (mid < 0) return false;
  const slots = at(REF_SLOTS);
  const block = blockOf(mid, frame);
  const slot = intAt(slots, block);
  if (slot <= 0) return false;
  setIntAt(slots, block, slot - 1);
  if (slot > 1) return true;
  const left = intAt(at(REF_NON_ZERO), mid) - 1;
  setIntAt(at(REF_NON_ZERO), mid, left);
  if (left === 0) noteEmpty((frame >> (2 * FAN_BITS)) as i32);
  return true;
}

function removeInGib(frame: u64, end: u64): void {
  const gib = (frame >> (2 * FAN_BITS)) as i32;
  const gibSlot = intAt(at(REF_NEAR), gib);
  if (gibSlot > 0 && end - frame === GIB) {
    setIntAt(at(REF_NEAR), gib, gibSlot - 1);
    return;
  }
  const mid = gibSlot < 0 ? ~gibSlot : takeFull(gibSlot);
  if (gibSlot > 0) setIntAt(at(REF_NEAR), gib, ~mid);
  const slots = at(REF_SLOTS);
  let fallen = 0;
  for (let from = frame; from < end; ) {
    const to = min<u64>(end, (from & ~MASK) + BLOCK);
    const block = blockOf(mid, from);
    const slot = intAt(slots, block);
    if (slot > 0 && to - from === BLOCK) setIntAt(slots, block, slot - 1);
    else removeInBlock(block, slot, (from & MASK) as i32, (((to - 1) & MASK) as i32) + 1);
    if (intAt(slots, block) === 0) fallen++;
    from = to;
  }
  if (fallen === 0) return;
  const left = intAt(at(REF_NON_ZERO), mid) - fallen;
  setIntAt(at(REF_NON_ZERO), mid, left);
  if (left === 0) noteEmpty(gib);
}

/** The same in a part of a block, or in all of one that has a node: the slot of the block is then 0 if nothing is left. */
function removeInBlock(block: i32, slot: i32, from: i32, to: i32): void {
  const slots = at(REF_SLOTS);
  let leaf = ~slot;
  if (slot > 0) {
    leaf = takeFull(slot);
    setIntAt(slots, block, ~leaf);
  } else if (slot < LONE_LIMIT) {
    const first = loneFirst(slot);
    const end = loneEnd(slot);
    if (from === first) {
      setIntAt(slots, block, to === end ? 0 : lone(to, end));
      return;
    }
    if (to === end) {
      setIntAt(slots, block, lone(first, from));
      return;
    }
    leaf = unfold(block, first, end);
  }
  let fallen = 0;
  for (let i = leaf * FAN + from; i < leaf * FAN + to; i++) {
    const own = intAt(slots, i);
    setIntAt(slots, i, own - 1);
    if (own === 1) fallen++;
  }
  const nonZero = at(REF_NON_ZERO);
  setIntAt(at(REF_TOTAL), leaf, intAt(at(REF_TOTAL), leaf) - (to - from));
  const left = intAt(nonZero, leaf) - fallen;
  setIntAt(nonZero, leaf, left);
  if (left > 0) return;
  setIntAt(slots, block, 0);
  releaseNode(leaf);
}

/** Gives the block of a lone run a node. */
function unfold(block: i32, from: i32, to: i32): i32 {
  const leaf = takeNode();
  setIntAt(at(REF_SLOTS), block, ~leaf);
  fill(leaf, from, to, 1);
  return leaf;
}

/** A node with a count in every slot. */
function takeFull(count: i32): i32 {
  const node = takeNode();
  fill(node, 0, FAN, count);
  return node;
}

function fill(node: i32, from: i32, to: i32, count: i32): void {
  const slots = at(REF_SLOTS);
  for (let i = node * FAN + from; i < node * FAN + to; i++) setIntAt(slots, i, count);
  setIntAt(at(REF_NON_ZERO), node, to - from);
  setIntAt(at(REF_TOTAL), node, (to - from) * count);
}

const MOST_EMPTIED = 256;
/** GiBs whose node may be empty. */
const emptiedGibs: usize = memory.data(MOST_EMPTIED * 4, 4);
let emptied: i32 = 0;

/** Keeps an empty node until the lane stops: the next map may be in the same GiB. */
function noteEmpty(gib: i32): void {
  if (emptied === MOST_EMPTIED) settle();
  setIntAt(emptiedGibs, emptied, gib);
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
