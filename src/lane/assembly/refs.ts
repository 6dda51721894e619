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
import { at, intAt, setIntAt, word } from './memory';
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
  takeNode,
  unfold,
} from './ref-nodes';

// The plain cases of `PageRefs`: of frames of one block of 2 MiB, whole blocks of one GiB, or a whole GiB.

/** GiBs whose slots are in one array, as far as it was needed. */
const NEAR_GIBS: u64 = 1 << 22;

/** Whether frames can be put at one of the ends of a lone run. */
function continues(slot: i32, from: i32, to: i32): bool {
  const first = loneFirst(slot);
  const end = loneEnd(slot);
  return from === end || to === first;
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
