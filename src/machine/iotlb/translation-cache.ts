import { alignDown, INVERSE_POWER, POWER } from '../page-tables/powers.ts';

/** Which entry makes room for a new one. */
export type Replacement = 'lru' | 'fifo' | 'random';

export interface CacheOptions {
  /** Entries that the cache holds; 0 is no cache at all. */
  readonly entries: number;
  readonly replacement: Replacement;
  /** Of the random replacement. */
  readonly seed?: number;
}

/** Allowed accesses of a cached entry, `IOMMU_READ` and `IOMMU_WRITE`, and the bit that hardware keeps beside them. */
export const CACHED_DIRTY = 1 << 7;

const NOT_FOUND = -1;

/**
 * A cache of what a walk has read, for one address space: leaves in an IOTLB, tables in a paging-structure cache. Each
 * entry covers `2 ** shift` bytes of IOVA and leads to a physical address.
 *
 * It is fully associative, with columns instead of objects. Nothing in it notices that memory changes: an entry stays
 * until it is invalidated or has to make room.
 */
export class TranslationCache {
  readonly entries: number;
  /** Of each slot: first IOVA, or NaN where the slot is free. */
  readonly iova: Float64Array;
  readonly shift: Uint8Array;
  /** The page, or the table. */
  readonly phys: Float64Array;
  /** Accesses that every entry on the way allowed; {@link CACHED_DIRTY} too in an IOTLB. */
  readonly flags: Uint8Array;
  /** In an IOTLB the truth's mark of the mapping, in a paging-structure cache the level of the table. */
  readonly stamp: Float64Array;
  private readonly lastUse: Float64Array;
  private readonly replacement: Replacement;
  /** For each shift that is in use: number of the block -> slot. */
  private readonly slots: (Map<number, number> | undefined)[] = [];
  /** The shifts that are in use, ascending. */
  private shifts: number[] = [];
  private readonly free: number[] = [];
  private uses = 0;
  private next = 0;
  private random: number;

  constructor({ entries, replacement, seed = 1 }: CacheOptions) {
    this.entries = entries;
    this.replacement = replacement;
    this.random = seed >>> 0 || 1;
    this.iova = new Float64Array(entries).fill(Number.NaN);
    this.shift = new Uint8Array(entries);
    this.phys = new Float64Array(entries);
    this.flags = new Uint8Array(entries);
    this.stamp = new Float64Array(entries);
    this.lastUse = new Float64Array(entries);
    for (let slot = entries - 1; slot >= 0; slot--) this.free.push(slot);
  }

  /** The slot with the smallest block that covers `iova`, or -1. Counts as a use. */
  find(iova: number): number {
    for (const shift of this.shifts) {
      const slot = this.slots[shift]?.get(Math.floor(iova * (INVERSE_POWER[shift] as number)));
      if (slot === undefined) continue;
      this.lastUse[slot] = ++this.uses;
      return slot;
    }
    return NOT_FOUND;
  }

  /** Stores an entry, over one of the same block if there is one. */
  fill(iova: number, shift: number, phys: number, flags: number, stamp: number): void {
    if (this.entries === 0) return;
    const block = Math.floor(iova * (INVERSE_POWER[shift] as number));
    let ofShift = this.slots[shift];
    if (ofShift === undefined) {
      ofShift = new Map();
      this.slots[shift] = ofShift;
      this.shifts = [...this.shifts, shift].sort((left, right) => left - right);
    }
    const slot = ofShift.get(block) ?? this.free.pop() ?? this.evict();
    ofShift.set(block, slot);
    this.iova[slot] = alignDown(iova, shift);
    this.shift[slot] = shift;
    this.phys[slot] = phys;
    this.flags[slot] = flags;
    this.stamp[slot] = stamp;
    this.lastUse[slot] = ++this.uses;
  }

  /** Forgets what overlaps `[iova, iova + size)`. */
  invalidate(iova: number, size: number): void {
    const end = iova + size;
    for (let slot = 0; slot < this.entries; slot++) {
      const start = this.iova[slot] as number;
      if (start < end && start + (POWER[this.shift[slot] as number] as number) > iova) this.drop(slot);
    }
  }

  clear(): void {
    this.invalidate(0, Number.POSITIVE_INFINITY);
  }

  /** Entries that are held. */
  get used(): number {
    return this.entries - this.free.length;
  }

  private drop(slot: number): void {
    this.remove(slot);
    this.iova[slot] = Number.NaN;
    this.free.push(slot);
  }

  private remove(slot: number): void {
    const shift = this.shift[slot] as number;
    const block = Math.floor((this.iova[slot] as number) * (INVERSE_POWER[shift] as number));
    this.slots[shift]?.delete(block);
  }

  /** Takes an entry out to make room; the cache is full. @returns its slot */
  private evict(): number {
    const slot = this.victim();
    this.remove(slot);
    return slot;
  }

  private victim(): number {
    if (this.replacement === 'fifo') {
      const slot = this.next;
      this.next = (this.next + 1) % this.entries;
      return slot;
    }
    if (this.replacement === 'random') {
      // xorshift32
      this.random ^= this.random << 13;
      this.random ^= this.random >>> 17;
      this.random ^= this.random << 5;
      return (this.random >>> 0) % this.entries;
    }
    let oldest = 0;
    for (let slot = 1; slot < this.entries; slot++) {
      if ((this.lastUse[slot] as number) < (this.lastUse[oldest] as number)) oldest = slot;
    }
    return oldest;
  }
}
