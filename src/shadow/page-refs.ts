import { grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';
import { FAN, FAN_MASK, FAN_SHIFT } from './radix.ts';

const GIB_FRAMES = FAN * FAN;

/** GiB slots kept in a flat array: 4 PiB, all that a 52-bit physical address reaches. The rest is garbage. */
const NEAR_GIBS = 2 ** 22;

/**
 * A slot of 2 MiB below this is no node but a lone run: frames of the block that adjoin are mapped, each once, and no
 * others. The lowest bits are the first of them, the next ones how many follow it, and the rest is {@link LONE}.
 */
export const LONE_LIMIT = -(2 ** 30);
const LONE = -(2 ** 31);

/** The longest range, in frames, that one `PageRefs.add` takes: 4 PiB, all of a 52-bit physical address space. */
export const MAX_RANGE_FRAMES = 2 ** 40;

/**
 * How many mappings reach each frame (4 KiB) of physical memory.
 *
 * A directory slot per GiB leads to 512 slots of 2 MiB, each of them to 512 frames. A slot holds `v >= 0`, one
 * count for all of its block, or `v < 0`, the child node `~v`; of a block in which one run of frames is mapped once, as
 * a buffer of a network card often is, it holds that run. A node also has a *pending* count, which is owed to
 * everything below it: the count of a frame is its last slot plus the pending counts of the nodes above.
 *
 * Two rules keep this small and fast:
 * - No child is empty: *slot != 0 means that something below is mapped*, so most checks end at the first level.
 * - A node whose own slots all agree becomes one word again. This is looked for when the last slot falls to 0 and
 *   when the last 0 is gone, not after every operation, so an unfolded uniform node can exist for a while.
 *
 * Cost: per GiB touched, at most two node expansions at each ragged edge and one word per whole 2 MiB; a whole GiB
 * is one word, also when the GiB is fragmented (`remove` then needs a pending count; without one it visits the
 * nodes that exist). A range of any length reads at most the directory that exists, never one word per GiB of the
 * range. Memory: nothing for a lone run, 2 KiB for a block with more, never more than about 4 bytes per frame of RAM, plus
 * one word of directory per GiB: 16 MiB for the longest range there is, whatever its address.
 *
 * Frames are integers in 0 ... 2^52 (see `kernel/units.ts`). Counts are Int32: the zero page may be mapped at a
 * million places, 2^31 mappings do not fit in a trace.
 */
export class PageRefs {
  /** All nodes: node x owns the slots x * 512 ... x * 512 + 511. Replaced when it grows: re-read after `take`. */
  slots: Int32Array = new Int32Array(16 * FAN);
  /** Per node: slots that are not 0. Of a free node: the next free node, or -1. */
  nonZero: Int32Array = new Int32Array(16);
  /** Per node: the count owed to all below it. Of a free node: the value that is in all of its slots. */
  pending: Int32Array = new Int32Array(16);
  /** Per node of frames: its own slots added up. 512 slots that sum to 512 and are not 0 are all 1. */
  total: Int32Array = new Int32Array(16);
  private nodes = 0;
  firstFree = -1;
  free = 0;
  private store = OWN_MEMORY;

  /** The directory: a slot per GiB, grown on demand. */
  near: Int32Array = new Int32Array(64);
  /** The directory beyond `NEAR_GIBS`: 512 GiB -> node whose slots are GiB slots. A wild address costs 2 KiB. */
  private readonly far = new Map<number, number>();

  /** Counts one more mapping on each frame of the range. Throws RangeError beyond `MAX_RANGE_FRAMES`. */
  add(frame: number, frames: number): void {
    if (frames === 1 && this.addOne(frame)) return;
    if (frames > MAX_RANGE_FRAMES) throw new RangeError(`${frames} frames are more memory than can exist`);
    let gib = Math.floor(frame / GIB_FRAMES);
    let from = frame - gib * GIB_FRAMES;
    let left = frames;
    while (left > 0) {
      const count = Math.min(left, GIB_FRAMES - from);
      this.addInGib(gib, from, from + count);
      left -= count;
      from = 0;
      gib++;
    }
  }

  /**
   * Counts one mapping less on each frame that has any; a count never becomes negative.
   * Returns the number of frames that had none: more was unmapped than was seen to be mapped.
   */
  remove(frame: number, frames: number): number {
    if (frames === 1 && this.removeOne(frame)) return 0;
    const gib = Math.floor(frame / GIB_FRAMES);
    const from = frame - gib * GIB_FRAMES;
    if (from + frames > GIB_FRAMES) return frames - this.sum(frame, frame + frames, true);
    return frames > 0 ? frames - this.removeInGib(gib, from, from + frames) : 0;
  }

  /**
   * Reads the slots of many frames and returns their sum, which means nothing. Each of these accesses may have to wait for
   * memory, but none for the one before it: what comes after finds the slots near.
   */
  touch(frames: Float64Array, count: number): number {
    const { slots, near } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const frame = frames[i] as number;
      const gib = Math.floor(frame / GIB_FRAMES);
      const slot = gib < near.length ? (near[gib] as number) : 0;
      if (slot >= 0) continue;
      const rest = frame - gib * GIB_FRAMES;
      const block = slots[~slot * FAN + (rest >> FAN_SHIFT)] as number;
      if (block < 0 && block >= LONE_LIMIT) sum += slots[~block * FAN + (rest & FAN_MASK)] as number;
    }
    return sum;
  }

  /** Number of mappings that reach the frame. */
  get(frame: number): number {
    const gib = Math.floor(frame / GIB_FRAMES);
    const slot = this.slotOf(gib);
    if (slot >= 0) return slot;
    const rest = frame - gib * GIB_FRAMES;
    const owed = this.pending[~slot] as number;
    const block = this.slots[~slot * FAN + (rest >> FAN_SHIFT)] as number;
    if (block >= 0) return owed + block;
    if (block < LONE_LIMIT) return owed + inLone(block, rest & FAN_MASK, (rest & FAN_MASK) + 1);
    return owed + (this.pending[~block] as number) + (this.slots[~block * FAN + (rest & FAN_MASK)] as number);
  }

  /** Whether any frame of the range is mapped. Asked for every page that the kernel allocates or frees. */
  anyMapped(frame: number, frames: number): boolean {
    const gib = Math.floor(frame / GIB_FRAMES);
    const from = frame - gib * GIB_FRAMES;
    if (from + frames > GIB_FRAMES) return this.firstMapped(frame, frames) >= 0;
    if (frames <= 0) return false;
    const slot = this.slotOf(gib);
    if (slot >= 0) return slot > 0;
    if (frames === GIB_FRAMES || (this.pending[~slot] as number) > 0) return true;
    const to = from + frames;
    const last = (to - 1) >> FAN_SHIFT;
    for (let index = from >> FAN_SHIFT; index <= last; index++) {
      const block = this.slots[~slot * FAN + index] as number;
      if (block === 0) continue;
      const start = index * FAN;
      if (block > 0 || (from <= start && to >= start + FAN)) return true;
      if (this.firstInBlock(block, Math.max(from - start, 0), Math.min(to - start, FAN)) >= 0) return true;
    }
    return false;
  }

  /** Number of frames of the range that are mapped. */
  countMapped(frame: number, frames: number): number {
    return this.sum(frame, frame + frames, false);
  }

  /** The lowest mapped frame of the range, or -1. */
  firstMapped(frame: number, frames: number): number {
    const end = frame + frames;
    let gib = Math.floor(frame / GIB_FRAMES);
    for (; gib < this.near.length && gib * GIB_FRAMES < end; gib++) {
      const first = this.firstInGib(gib, frame, end);
      if (first >= 0) return first;
    }
    let lowest = -1;
    for (const farGib of this.farGibs(gib, end)) {
      if (lowest >= 0 && farGib * GIB_FRAMES > lowest) continue;
      const first = this.firstInGib(farGib, frame, end);
      if (first >= 0) lowest = first;
    }
    return lowest;
  }

  /** Nodes that hold something, 2 KiB each; 0 when nothing is mapped. For tests and statistics. */
  get nodesInUse(): number {
    return this.nodes - this.free;
  }

  /** Bytes of all arrays, used or kept for later use. For tests and statistics. */
  get arenaBytes(): number {
    return this.slots.byteLength + 3 * this.nonZero.byteLength + this.near.byteLength;
  }

  /** Adds 1 to a frame where that is a word or two; `false` where it is more than that. */
  private addOne(frame: number): boolean {
    const gib = Math.floor(frame / GIB_FRAMES);
    const slot = this.slotOf(gib);
    if (slot >= 0) return false;
    const rest = frame - gib * GIB_FRAMES;
    const at = ~slot * FAN + (rest >> FAN_SHIFT);
    const inBlock = rest & FAN_MASK;
    const block = this.slots[at] as number;
    if (block >= 0) {
      if (block > 0) return false;
      this.slots[at] = lone(inBlock, inBlock + 1);
      this.nonZero[~slot] = (this.nonZero[~slot] as number) + 1;
      return true;
    }
    if (block < LONE_LIMIT && this.lengthen(at, inBlock, inBlock + 1)) return true;
    const leaf = block < LONE_LIMIT ? this.unfoldLone(at) : ~block;
    const own = this.slots[leaf * FAN + inBlock] as number;
    if (own === 0) {
      const nonZero = (this.nonZero[leaf] as number) + 1;
      // The last 0 goes: the node may fold.
      if (nonZero === FAN) return false;
      this.nonZero[leaf] = nonZero;
    }
    this.slots[leaf * FAN + inBlock] = own + 1;
    this.total[leaf] = (this.total[leaf] as number) + 1;
    return true;
  }

  /** Takes 1 from a frame where that is a word or two; `false` where it is more than that. */
  private removeOne(frame: number): boolean {
    const gib = Math.floor(frame / GIB_FRAMES);
    const slot = this.slotOf(gib);
    if (slot >= 0) return false;
    const rest = frame - gib * GIB_FRAMES;
    const at = ~slot * FAN + (rest >> FAN_SHIFT);
    const inBlock = rest & FAN_MASK;
    const block = this.slots[at] as number;
    if (block >= 0) return false;
    if (block < LONE_LIMIT) {
      if (block !== lone(inBlock, inBlock + 1)) return this.shorten(at, inBlock, inBlock + 1);
      const nonZero = (this.nonZero[~slot] as number) - 1;
      // The node of blocks would be empty.
      if (nonZero === 0) return false;
      this.slots[at] = 0;
      this.nonZero[~slot] = nonZero;
      return true;
    }
    const leaf = ~block;
    const own = this.slots[leaf * FAN + inBlock] as number;
    if (own === 0) return false;
    if (own === 1) {
      const nonZero = (this.nonZero[leaf] as number) - 1;
      // The node would be empty: it has to go.
      if (nonZero === 0) return false;
      this.nonZero[leaf] = nonZero;
    }
    this.slots[leaf * FAN + inBlock] = own - 1;
    this.total[leaf] = (this.total[leaf] as number) - 1;
    return true;
  }

  /** Gives a block with a lone run a node, and returns it. */
  private unfoldLone(at: number): number {
    const block = this.slots[at] as number;
    const leaf = this.take(0, 0);
    const from = block & FAN_MASK;
    const count = inLone(block, 0, FAN);
    this.slots.fill(1, leaf * FAN + from, leaf * FAN + from + count);
    this.nonZero[leaf] = count;
    this.total[leaf] = count;
    this.slots[at] = ~leaf;
    return leaf;
  }

  /** Makes a lone run longer by frames at one of its ends; `false` where they are elsewhere, or would fill the block. */
  private lengthen(at: number, from: number, to: number): boolean {
    const block = this.slots[at] as number;
    const first = block & FAN_MASK;
    const end = first + inLone(block, 0, FAN);
    if ((from !== end && to !== first) || end - first + to - from === FAN) return false;
    this.slots[at] = from === end ? lone(first, to) : lone(from, end);
    return true;
  }

  /** Makes a lone run shorter by frames at one of its ends; `false` where they are elsewhere, or all of it. */
  private shorten(at: number, from: number, to: number): boolean {
    const block = this.slots[at] as number;
    const first = block & FAN_MASK;
    const end = first + inLone(block, 0, FAN);
    if (from === first && to < end) this.slots[at] = lone(to, end);
    else if (to === end && from > first) this.slots[at] = lone(first, from);
    else return false;
    return true;
  }

  private addInGib(gib: number, from: number, to: number): void {
    const slot = this.slotOf(gib);
    if (to - from === GIB_FRAMES) {
      if (slot >= 0) this.setSlot(gib, slot + 1);
      else this.pending[~slot] = (this.pending[~slot] as number) + 1;
      return;
    }
    let mid = ~slot;
    if (slot >= 0) {
      mid = this.take(slot, 0);
      this.setSlot(gib, ~mid);
    }
    this.addInMid(mid, from, to);
    if (this.nonZero[mid] === FAN) this.foldMid(gib, mid);
  }

  private addInMid(mid: number, from: number, to: number): void {
    let index = from >> FAN_SHIFT;
    const last = to >> FAN_SHIFT;
    if (index === last) {
      this.addInLeaf(mid, index, from & FAN_MASK, to & FAN_MASK);
      return;
    }
    if ((from & FAN_MASK) !== 0) this.addInLeaf(mid, index++, from & FAN_MASK, FAN);
    let { slots } = this;
    let risen = 0;
    for (let at = mid * FAN + index; index < last; index++, at++) {
      const slot = slots[at] as number;
      if (slot < LONE_LIMIT) {
        this.pending[this.unfoldLone(at)] = 1;
        slots = this.slots;
      } else if (slot < 0) {
        this.pending[~slot] = (this.pending[~slot] as number) + 1;
      } else {
        slots[at] = slot + 1;
        if (slot === 0) risen++;
      }
    }
    this.nonZero[mid] = (this.nonZero[mid] as number) + risen;
    if ((to & FAN_MASK) !== 0) this.addInLeaf(mid, last, 0, to & FAN_MASK);
  }

  private addInLeaf(mid: number, index: number, from: number, to: number): void {
    const slot = this.slots[mid * FAN + index] as number;
    if (slot === 0) {
      this.nonZero[mid] = (this.nonZero[mid] as number) + 1;
      this.slots[mid * FAN + index] = lone(from, to);
      return;
    }
    if (slot < LONE_LIMIT && this.lengthen(mid * FAN + index, from, to)) return;
    let leaf = ~slot;
    if (slot >= 0) {
      leaf = this.take(slot, 0);
      this.slots[mid * FAN + index] = ~leaf;
    } else if (slot < LONE_LIMIT) {
      leaf = this.unfoldLone(mid * FAN + index);
    }
    const slots = this.slots;
    const end = leaf * FAN + to;
    let risen = 0;
    for (let at = leaf * FAN + from; at < end; at++) {
      const own = slots[at] as number;
      slots[at] = own + 1;
      if (own === 0) risen++;
    }
    this.total[leaf] = (this.total[leaf] as number) + to - from;
    if (risen === 0) return;
    const nonZero = (this.nonZero[leaf] as number) + risen;
    this.nonZero[leaf] = nonZero;
    if (nonZero === FAN) this.foldLeaf(mid, index, leaf);
  }

  /** Takes 1 from the frames `[from, to)` of a GiB; returns how many had something to take. */
  private removeInGib(gib: number, from: number, to: number): number {
    const slot = this.slotOf(gib);
    if (slot === 0) return 0;
    if (to - from === GIB_FRAMES) {
      if (slot > 0) {
        this.setSlot(gib, slot - 1);
        return GIB_FRAMES;
      }
      const owed = this.pending[~slot] as number;
      if (owed > 0) {
        this.pending[~slot] = owed - 1;
        return GIB_FRAMES;
      }
    }
    let mid = ~slot;
    if (slot > 0) {
      mid = this.take(slot, 1);
      this.setSlot(gib, ~mid);
    }
    const removed = this.removeInMid(mid, from, to);
    this.foldMid(gib, mid);
    return removed;
  }

  private removeInMid(mid: number, from: number, to: number): number {
    let index = from >> FAN_SHIFT;
    const last = to >> FAN_SHIFT;
    if (index === last) return this.removeInLeaf(mid, index, from & FAN_MASK, to & FAN_MASK);
    let removed = 0;
    if ((from & FAN_MASK) !== 0) removed += this.removeInLeaf(mid, index++, from & FAN_MASK, FAN);
    for (; index < last; index++) removed += this.removeBlock(mid, index);
    if ((to & FAN_MASK) !== 0) removed += this.removeInLeaf(mid, last, 0, to & FAN_MASK);
    return removed;
  }

  /** A whole 2 MiB. Own counts go first: a pending count is pushed down only where there is no other. */
  private removeBlock(mid: number, index: number): number {
    const at = mid * FAN + index;
    if (this.slots[at] === 0 && !this.push(mid)) return 0;
    const slot = this.slots[at] as number;
    if (slot < LONE_LIMIT) this.unfoldLone(at);
    if (slot > 0) {
      this.slots[at] = slot - 1;
      if (slot === 1) this.nonZero[mid] = (this.nonZero[mid] as number) - 1;
      return FAN;
    }
    const leaf = ~(this.slots[at] as number);
    if (this.pending[leaf] === 0 && (this.nonZero[leaf] === FAN || !this.push(mid))) {
      return this.removeInLeaf(mid, index, 0, FAN);
    }
    this.pending[leaf] = (this.pending[leaf] as number) - 1;
    return FAN;
  }

  private removeInLeaf(mid: number, index: number, from: number, to: number): number {
    if (this.slots[mid * FAN + index] === 0 && !this.push(mid)) return 0;
    const slot = this.slots[mid * FAN + index] as number;
    let leaf = ~slot;
    if (slot > 0) {
      leaf = this.take(slot, 1);
      this.slots[mid * FAN + index] = ~leaf;
    } else if (slot < LONE_LIMIT) {
      if (slot === lone(from, to)) {
        this.slots[mid * FAN + index] = 0;
        this.nonZero[mid] = (this.nonZero[mid] as number) - 1;
        return to - from;
      }
      if (this.shorten(mid * FAN + index, from, to)) return to - from;
      leaf = this.unfoldLone(mid * FAN + index);
    }
    const slots = this.slots;
    const start = leaf * FAN + from;
    const end = leaf * FAN + to;
    let zeros = 0;
    for (let at = start; at < end; at++) if (slots[at] === 0) zeros++;
    if (zeros > 0 && (this.push(leaf) || (this.push(mid) && this.push(leaf)))) zeros = 0;
    let fallen = 0;
    for (let at = start; at < end; at++) {
      const own = slots[at] as number;
      if (own > 0) slots[at] = own - 1;
      if (own === 1) fallen++;
    }
    const removed = to - from - zeros;
    this.total[leaf] = (this.total[leaf] as number) - removed;
    const nonZero = (this.nonZero[leaf] as number) - fallen;
    this.nonZero[leaf] = nonZero;
    if (nonZero === 0) this.foldLeaf(mid, index, leaf);
    return removed;
  }

  /** Moves one pending count of a node into its slots, so that single slots can give it back. */
  private push(node: number): boolean {
    const owed = this.pending[node] as number;
    if (owed === 0) return false;
    this.pending[node] = owed - 1;
    const end = (node + 1) * FAN;
    for (let at = node * FAN; at < end; at++) {
      const slot = this.slots[at] as number;
      if (slot >= 0) this.slots[at] = slot + 1;
      else if (slot < LONE_LIMIT) this.pending[this.unfoldLone(at)] = 1;
      else this.pending[~slot] = (this.pending[~slot] as number) + 1;
    }
    this.nonZero[node] = FAN;
    this.total[node] = (this.total[node] as number) + FAN;
    return true;
  }

  /** Frames of `[frame, end)` that are mapped; `removing` takes 1 from each of them on the way. */
  private sum(frame: number, end: number, removing: boolean): number {
    let total = 0;
    let gib = Math.floor(frame / GIB_FRAMES);
    for (; gib < this.near.length && gib * GIB_FRAMES < end; gib++) {
      total += this.sumInGib(gib, frame, end, removing);
    }
    for (const farGib of this.farGibs(gib, end)) total += this.sumInGib(farGib, frame, end, removing);
    return total;
  }

  private sumInGib(gib: number, frame: number, end: number, removing: boolean): number {
    const from = Math.max(frame - gib * GIB_FRAMES, 0);
    const to = Math.min(end - gib * GIB_FRAMES, GIB_FRAMES);
    if (removing) return this.removeInGib(gib, from, to);
    const slot = this.slotOf(gib);
    if (slot === 0) return 0;
    if (slot > 0 || (this.pending[~slot] as number) > 0) return to - from;
    let total = 0;
    const last = (to - 1) >> FAN_SHIFT;
    for (let index = from >> FAN_SHIFT; index <= last; index++) {
      const block = this.slots[~slot * FAN + index] as number;
      if (block === 0) continue;
      const start = Math.max(from - index * FAN, 0);
      const stop = Math.min(to - index * FAN, FAN);
      if (block < LONE_LIMIT) total += inLone(block, start, stop);
      else if (block > 0 || (this.pending[~block] as number) > 0) total += stop - start;
      else if (stop - start === FAN) total += this.nonZero[~block] as number;
      else for (let i = start; i < stop; i++) if (this.slots[~block * FAN + i] !== 0) total++;
    }
    return total;
  }

  private firstInGib(gib: number, frame: number, end: number): number {
    const slot = this.slotOf(gib);
    if (slot === 0) return -1;
    const base = gib * GIB_FRAMES;
    const from = Math.max(frame - base, 0);
    const to = Math.min(end - base, GIB_FRAMES);
    if (from >= to) return -1;
    if (slot > 0 || (this.pending[~slot] as number) > 0) return base + from;
    const last = (to - 1) >> FAN_SHIFT;
    for (let index = from >> FAN_SHIFT; index <= last; index++) {
      const block = this.slots[~slot * FAN + index] as number;
      if (block === 0) continue;
      const start = Math.max(from - index * FAN, 0);
      if (block > 0) return base + index * FAN + start;
      const first = this.firstInBlock(block, start, Math.min(to - index * FAN, FAN));
      if (first >= 0) return base + index * FAN + first;
    }
    return -1;
  }

  /** The first mapped frame of a block that has a node or a lone run, or -1. */
  private firstInBlock(block: number, from: number, to: number): number {
    if (block < LONE_LIMIT) {
      return inLone(block, from, to) > 0 ? Math.max(from, block & FAN_MASK) : -1;
    }
    const leaf = ~block;
    if ((this.pending[leaf] as number) > 0) return from;
    for (let i = from; i < to; i++) if (this.slots[leaf * FAN + i] !== 0) return i;
    return -1;
  }

  /** For a node of frames that has just become all 0 or lost its last 0. */
  private foldLeaf(mid: number, index: number, leaf: number): void {
    const total = this.total[leaf] as number;
    if (total % FAN !== 0) return;
    const own = total <= FAN ? total / FAN : this.uniform(leaf);
    if (own < 0) return;
    const count = own + (this.pending[leaf] as number);
    this.slots[mid * FAN + index] = count;
    if (count === 0) this.nonZero[mid] = (this.nonZero[mid] as number) - 1;
    this.release(leaf, own);
  }

  private foldMid(gib: number, mid: number): void {
    const own = this.uniform(mid);
    if (own < 0) return;
    this.setSlot(gib, own + (this.pending[mid] as number));
    this.release(mid, own);
  }

  /** The value that all own slots of a node share, or -1. */
  private uniform(node: number): number {
    const nonZero = this.nonZero[node] as number;
    if (nonZero === 0) return 0;
    const own = this.slots[node * FAN] as number;
    const end = node * FAN + FAN_MASK;
    if (nonZero < FAN || own < 0 || this.slots[end] !== own) return -1;
    for (let at = node * FAN + 1; at < end; at++) if (this.slots[at] !== own) return -1;
    return own;
  }

  /** A node that stands for a block of `count`: `own` in every slot, the rest pending. */
  private take(count: number, own: 0 | 1): number {
    let node = this.firstFree;
    if (node >= 0) {
      this.firstFree = this.nonZero[node] as number;
      this.free--;
    } else {
      node = this.nodes++;
      if (node === this.nonZero.length) this.resize(node * 2);
    }
    if (this.pending[node] !== own) this.slots.fill(own, node * FAN, (node + 1) * FAN);
    this.pending[node] = count - own;
    this.nonZero[node] = own * FAN;
    this.total[node] = own * FAN;
    return node;
  }

  /** Keeps a node for later, and notes its content: the next use often wants the same, and then needs no fill. */
  private release(node: number, own: number): void {
    this.pending[node] = own;
    this.nonZero[node] = this.firstFree;
    this.firstFree = node;
    this.free++;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.resize(this.nonZero.length);
    this.near = grownInts(this.near, this.near.length, store);
  }

  private resize(nodes: number): void {
    const { store } = this;
    this.slots = grownInts(this.slots, nodes * FAN, store);
    this.nonZero = grownInts(this.nonZero, nodes, store);
    this.pending = grownInts(this.pending, nodes, store);
    this.total = grownInts(this.total, nodes, store);
  }

  private slotOf(gib: number): number {
    if (gib < this.near.length) return this.near[gib] as number;
    if (this.far.size === 0) return 0;
    const node = this.far.get(Math.floor(gib / FAN));
    return node === undefined ? 0 : (this.slots[node * FAN + (gib % FAN)] as number);
  }

  private setSlot(gib: number, slot: number): void {
    if (gib >= NEAR_GIBS) {
      this.setFarSlot(gib, slot);
      return;
    }
    if (gib >= this.near.length) {
      this.near = grownInts(this.near, 2 ** Math.ceil(Math.log2(gib + 1)), this.store);
    }
    this.near[gib] = slot;
  }

  private setFarSlot(gib: number, slot: number): void {
    const key = Math.floor(gib / FAN);
    let node = this.far.get(key);
    if (node === undefined) {
      node = this.take(0, 0);
      this.far.set(key, node);
    }
    const at = node * FAN + (gib % FAN);
    const change = Number(slot !== 0) - Number(this.slots[at] !== 0);
    this.slots[at] = slot;
    this.nonZero[node] = (this.nonZero[node] as number) + change;
    if (this.nonZero[node] !== 0) return;
    this.far.delete(key);
    this.release(node, 0);
  }

  /** GiBs from `gib` up to frame `end` that are in the far directory, in any order; visits no more than exist. */
  private *farGibs(gib: number, end: number): Generator<number> {
    const first = Math.max(gib, NEAR_GIBS);
    const last = Math.ceil(end / GIB_FRAMES) - 1;
    if (first > last) return;
    for (const key of this.far.keys()) {
      const stop = Math.min(last, key * FAN + FAN_MASK);
      for (let g = Math.max(first, key * FAN); g <= stop; g++) if (this.slotOf(g) !== 0) yield g;
    }
  }
}

/** The slot of a block in which the frames `from` to `to` are mapped once. */
function lone(from: number, to: number): number {
  return LONE + from + (to - from - 1) * FAN;
}

/** How many of the frames `from` to `to` are in a lone run. */
function inLone(block: number, from: number, to: number): number {
  const first = block & FAN_MASK;
  const end = first + ((block >> FAN_SHIFT) & FAN_MASK) + 1;
  return Math.max(0, Math.min(end, to) - Math.max(first, from));
}
