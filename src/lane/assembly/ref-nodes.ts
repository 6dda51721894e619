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

// What the counts of `PageRefs` are kept in: a node for a GiB, whose slots are blocks of 2 MiB, and one for a block.

export const FAN: i32 = 1 << FAN_BITS;
export const MASK: u64 = FAN - 1;
/** Pages of a block. */
export const BLOCK: u64 = FAN;
export const GIB: u64 = BLOCK << FAN_BITS;

/** A slot of 2 MiB below this is a lone run: `LONE_LIMIT` and `LONE` of `shadow/page-refs.ts`. */
export const LONE_LIMIT: i32 = -(1 << 30);
const LONE: i32 = i32.MIN_VALUE;

/** The slot of a block in which the frames `from` to `to` are mapped once. */
export function lone(from: i32, to: i32): i32 {
  return LONE + from + (to - from - 1) * FAN;
}

/** The first frame of a lone run, and the one behind it. */
export function loneFirst(slot: i32): i32 {
  return slot & (FAN - 1);
}

export function loneEnd(slot: i32): i32 {
  return loneFirst(slot) + ((slot >> FAN_BITS) & (FAN - 1)) + 1;
}

/** Node of a GiB; -1 where it has none: it is one number, or out of reach. */
export function midOf(frame: u64): i32 {
  const gib = frame >> (2 * FAN_BITS);
  if (gib >= (word(REF_NEAR_LENGTH) as u64)) return -1;
  const slot = intAt(at(REF_NEAR), gib as i32);
  return slot < 0 ? ~slot : -1;
}

export function blockOf(mid: i32, frame: u64): i32 {
  return mid * FAN + (((frame >> FAN_BITS) & MASK) as i32);
}

/** Gives the block of a lone run a node. */
export function unfold(block: i32, from: i32, to: i32): i32 {
  const leaf = takeNode();
  setIntAt(at(REF_SLOTS), block, ~leaf);
  fill(leaf, from, to, 1);
  return leaf;
}

/** A node with a count in every slot. */
export function takeFull(count: i32): i32 {
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
export function noteEmpty(gib: i32): void {
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
export function takeNode(): i32 {
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

export function releaseNode(node: i32): void {
  setIntAt(at(REF_PENDING), node, 0);
  setIntAt(at(REF_NON_ZERO), node, word(REF_FIRST_FREE));
  setWord(REF_FIRST_FREE, node);
  setWord(REF_FREE, word(REF_FREE) + 1);
}
