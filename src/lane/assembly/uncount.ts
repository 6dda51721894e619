import {
  FAN_BITS,
  REF_FREE,
  REF_NEAR,
  REF_NEAR_LENGTH,
  REF_NON_ZERO,
  REF_PENDING,
  REF_SLOTS,
  REF_TOTAL,
} from './board';
import { at, floatAt, intAt, setIntAt, toLong, word } from './memory';
import {
  BLOCK,
  blockOf,
  FAN,
  GIB,
  LONE_LIMIT,
  lone,
  loneEnd,
  loneFirst,
  MASK,
  midOf,
  noteEmpty,
  releaseNode,
  takeFull,
  unfold,
} from './ref-nodes';

// `PageRefs.remove`, of any frames but where a pending count would have to be taken apart.

/** Whether frames of a lone run are at none of its ends. */
function isWithin(slot: i32, from: i32, to: i32): bool {
  return from > loneFirst(slot) && to < loneEnd(slot);
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
