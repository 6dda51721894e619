import { UNKNOWN } from '../kernel/events.ts';
import { grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';
import type { RunSink } from './iova-runs.ts';
import { FAN, FAN_MASK, FAN_SHIFT } from './radix.ts';

const GIB_PAGES = FAN * FAN;

/** All 64-bit addresses, in pages. */
const ALL_PAGES = 2 ** 52;

/** The longest range, in pages, that one `IovaTable.map` takes: 4 PiB, all of a 52-bit physical address space. */
export const MAX_RANGE_PAGES = 2 ** 40;

/** What one domain holds: GiB index -> slot, without the empty ones, and the entry that was used last. */
class Directory {
  readonly domain: number;
  readonly slots = new Map<number, number>();
  gib = -1;
  slot = 0;

  constructor(domain: number) {
    this.domain = domain;
  }
}

/**
 * What the IOMMU's page tables hold, for all domains: (domain, 4 KiB page of IOVA) -> id of a mapping.
 *
 * Per domain a directory slot per GiB leads to 512 slots of 2 MiB, each of them to 512 pages. A slot holds
 * `v >= 0`, the id of the mapping that all of its block belongs to (0: nothing), or `v < 0`, the child node `~v`.
 * No child is empty. Unlike an IOMMU, which uses a huge page only where the physical address is aligned as well,
 * any aligned 2 MiB or GiB of one mapping is one slot: ids say who mapped, not where to.
 *
 * Cost: `map` writes one word per whole GiB or 2 MiB and fills at most two nodes at each ragged edge; `clear` and
 * `collect` visit the runs they find and the slots of the nodes that exist, however long the range. Memory: 2 KiB
 * per lonely page, one directory entry (some 40 bytes) per GiB.
 *
 * Pages are integers in 0 ... 2^52 (see `kernel/units.ts`), ids are 1 ... 2^31 - 1, domains any integers.
 */
export class IovaTable {
  /** All nodes: node x owns the slots x * 512 ... x * 512 + 511. Replaced when it grows: re-read after `take`. */
  slots: Int32Array = new Int32Array(16 * FAN);
  /** Per node: slots that are not 0. Of a free node: the next free node, or -1. */
  nonZero: Int32Array = new Int32Array(16);
  private nodes = 0;
  firstFree = -1;
  free = 0;
  private store = OWN_MEMORY;
  /** Told of the slot of a GiB of a domain whenever it changes. */
  onSlot: ((domain: number, gib: number, slot: number) => void) | undefined;

  private readonly directories = new Map<number, Directory>();
  private lastDomain = Number.NaN;
  private lastDirectory = new Directory(UNKNOWN);
  private keys: Float64Array = new Float64Array(64);

  /**
   * Gives the pages to mapping `id`. The range must be free (`clear` it first): throws when a block of it is seen
   * not to be, and RangeError for an id or a length that cannot be held.
   */
  map(domain: number, page: number, pages: number, id: number): void {
    if (pages > MAX_RANGE_PAGES) throw new RangeError(`${pages} pages are more than one mapping can have`);
    if (id <= 0 || (id | 0) !== id) throw new RangeError(`${id} is not a mapping id`);
    const directory = this.directoryOf(domain) ?? this.newDirectory(domain);
    let gib = Math.floor(page / GIB_PAGES);
    let from = page - gib * GIB_PAGES;
    let left = pages;
    while (left > 0) {
      const count = Math.min(left, GIB_PAGES - from);
      this.mapInGib(directory, gib, from, from + count, id);
      left -= count;
      from = 0;
      gib++;
    }
  }

  /** Empties the range and tells `out` what was there: ascending runs, one mapping each. */
  clear(domain: number, page: number, pages: number, out: RunSink): void {
    const directory = this.directoryOf(domain);
    if (directory !== undefined) this.sweep(directory, page, page + pages, out, true);
  }

  /** Tells `out` what is in the domain, in ascending order. */
  collectAll(domain: number, out: RunSink): void {
    this.collect(domain, 0, ALL_PAGES, out);
  }

  /** Tells `out` what is in the range as `clear` does, and leaves it there. */
  collect(domain: number, page: number, pages: number, out: RunSink): void {
    const directory = this.directoryOf(domain);
    if (directory !== undefined) this.sweep(directory, page, page + pages, out, false);
  }

  /**
   * Where a page that is free can be mapped by {@link mapAt}, which must be the next call; -1 where that takes more. Most
   * maps are of a page whose neighbours are mapped.
   */
  freeSpot(domain: number, page: number): number {
    const directory = this.directoryOf(domain);
    if (directory === undefined) return -1;
    const at = this.slotOfPage(directory, page);
    return at >= 0 && this.slots[at] === 0 ? at : -1;
  }

  /** Gives the page that {@link freeSpot} was asked for to mapping `id`. */
  mapAt(at: number, id: number): void {
    this.slots[at] = id;
    const leaf = at >> FAN_SHIFT;
    this.nonZero[leaf] = (this.nonZero[leaf] as number) + 1;
  }

  /** Empties a page where that is one word, and returns the mapping that it belonged to; else 0, and nothing is done. */
  takePage(domain: number, page: number): number {
    const directory = this.directoryOf(domain);
    if (directory === undefined) return 0;
    const at = this.slotOfPage(directory, page);
    if (at < 0) return 0;
    const id = this.slots[at] as number;
    const leaf = at >> FAN_SHIFT;
    const nonZero = this.nonZero[leaf] as number;
    // The node would be empty: it has to go.
    if (id === 0 || nonZero === 1) return 0;
    this.slots[at] = 0;
    this.nonZero[leaf] = nonZero - 1;
    return id;
  }

  /** Whether nothing is in the range: the question of every map, asked without making runs. */
  isFree(domain: number, page: number, pages: number): boolean {
    if (pages === 1) return this.get(domain, page) === 0;
    const directory = this.directoryOf(domain);
    if (directory === undefined || directory.slots.size === 0) return true;
    let gib = Math.floor(page / GIB_PAGES);
    let from = page - gib * GIB_PAGES;
    for (let left = pages; left > 0; gib++) {
      const count = Math.min(left, GIB_PAGES - from);
      const slot = this.slotOf(directory, gib);
      if (slot > 0 || (slot < 0 && !this.isFreeBelow(~slot, from, from + count))) return false;
      left -= count;
      from = 0;
    }
    return true;
  }

  /** The mapping that the page belongs to, or 0. */
  get(domain: number, page: number): number {
    const directory = this.directoryOf(domain);
    if (directory === undefined) return 0;
    const gib = Math.floor(page / GIB_PAGES);
    const slot = this.slotOf(directory, gib);
    if (slot >= 0) return slot;
    const rest = page - gib * GIB_PAGES;
    const block = this.slots[~slot * FAN + (rest >> FAN_SHIFT)] as number;
    return block >= 0 ? block : (this.slots[~block * FAN + (rest & FAN_MASK)] as number);
  }

  /** Empties the domain, tells `out` what was there in ascending order, and forgets the domain. */
  dropDomain(domain: number, out: RunSink): void {
    this.clear(domain, 0, ALL_PAGES, out);
    this.directories.delete(domain);
    this.lastDomain = Number.NaN;
  }

  /** Whether the domain holds nothing. */
  isEmpty(domain: number): boolean {
    return (this.directoryOf(domain)?.slots.size ?? 0) === 0;
  }

  /** The domains that hold anything. */
  *domains(): Generator<number> {
    for (const [domain, directory] of this.directories) if (directory.slots.size > 0) yield domain;
  }

  /** Nodes that hold something, 2 KiB each; 0 when only whole GiBs are mapped. For tests and statistics. */
  get nodesInUse(): number {
    return this.nodes - this.free;
  }

  /** Bytes of all nodes, used or kept for later use. For tests and statistics. */
  get arenaBytes(): number {
    return this.slots.byteLength + this.nonZero.byteLength;
  }

  /** The slot of a GiB: a mapping, 0, or a node as `~node`. */
  slotOfGib(domain: number, gib: number): number {
    const directory = this.directoryOf(domain);
    return directory === undefined ? 0 : this.slotOf(directory, gib);
  }

  /** A GiB has a slot that was made in the shared memory. */
  adopt(domain: number, gib: number, slot: number): void {
    const directory = this.directoryOf(domain) ?? this.newDirectory(domain);
    if (this.slotOf(directory, gib) !== slot) this.setSlot(directory, gib, slot);
  }

  /** Takes the node of a GiB away if nothing is below it any more. */
  releaseEmpty(domain: number, gib: number): void {
    const directory = this.directoryOf(domain);
    const slot = directory === undefined ? 0 : this.slotOf(directory, gib);
    if (directory === undefined || slot >= 0 || this.nonZero[~slot] !== 0) return;
    this.setSlot(directory, gib, 0);
    this.release(~slot);
  }

  /** Gives the nodes their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.slots = grownInts(this.slots, this.slots.length, store);
    this.nonZero = grownInts(this.nonZero, this.nonZero.length, store);
  }

  /** Whether pages `from` to `to` of the GiB whose node is `mid` hold nothing. */
  private isFreeBelow(mid: number, from: number, to: number): boolean {
    const { slots } = this;
    for (let at = from; at < to; ) {
      const end = Math.min(to, (at & ~FAN_MASK) + FAN);
      const block = slots[mid * FAN + (at >> FAN_SHIFT)] as number;
      if (block > 0) return false;
      if (block < 0) {
        const leaf = ~block * FAN;
        for (let i = at & FAN_MASK; i < (at & FAN_MASK) + end - at; i++)
          if (slots[leaf + i] !== 0) return false;
      }
      at = end;
    }
    return true;
  }

  /** Where the slot of a page is, if there is a node of pages for it; else -1. Most calls concern a single page. */
  private slotOfPage(directory: Directory, page: number): number {
    const gib = Math.floor(page / GIB_PAGES);
    const slot = this.slotOf(directory, gib);
    if (slot >= 0) return -1;
    const rest = page - gib * GIB_PAGES;
    const block = this.slots[~slot * FAN + (rest >> FAN_SHIFT)] as number;
    return block >= 0 ? -1 : ~block * FAN + (rest & FAN_MASK);
  }

  private mapInGib(directory: Directory, gib: number, from: number, to: number, id: number): void {
    const slot = this.slotOf(directory, gib);
    if (to - from === GIB_PAGES) {
      if (slot !== 0) throw notFree();
      this.setSlot(directory, gib, id);
      return;
    }
    if (slot > 0) throw notFree();
    let mid = ~slot;
    if (slot === 0) {
      mid = this.take(0);
      this.setSlot(directory, gib, ~mid);
    }
    let index = from >> FAN_SHIFT;
    const last = to >> FAN_SHIFT;
    if (index === last) {
      this.mapInLeaf(mid, index, from & FAN_MASK, to & FAN_MASK, id);
      return;
    }
    if ((from & FAN_MASK) !== 0) this.mapInLeaf(mid, index++, from & FAN_MASK, FAN, id);
    this.nonZero[mid] = (this.nonZero[mid] as number) + (last - index);
    for (; index < last; index++) {
      if (this.slots[mid * FAN + index] !== 0) throw notFree();
      this.slots[mid * FAN + index] = id;
    }
    if ((to & FAN_MASK) !== 0) this.mapInLeaf(mid, last, 0, to & FAN_MASK, id);
  }

  private mapInLeaf(mid: number, index: number, from: number, to: number, id: number): void {
    const slot = this.slots[mid * FAN + index] as number;
    let leaf = ~slot;
    if (slot >= 0) {
      if (slot > 0) throw notFree();
      leaf = this.take(0);
      this.slots[mid * FAN + index] = ~leaf;
      this.nonZero[mid] = (this.nonZero[mid] as number) + 1;
    }
    const start = leaf * FAN + from;
    if (to - from === 1) this.slots[start] = id;
    else this.slots.fill(id, start, leaf * FAN + to);
    this.nonZero[leaf] = (this.nonZero[leaf] as number) + to - from;
  }

  private sweep(directory: Directory, page: number, end: number, out: RunSink, erase: boolean): void {
    if (page >= end) return;
    const first = Math.floor(page / GIB_PAGES);
    const last = Math.ceil(end / GIB_PAGES) - 1;
    if (last - first <= directory.slots.size) {
      for (let gib = first; gib <= last; gib++) this.sweepGib(directory, gib, page, end, out, erase);
      return;
    }
    // A range with more GiBs than the domain has: a size from a broken trace, or a whole address space.
    const found = this.sortedKeys(directory, first, last);
    for (let i = 0; i < found; i++) {
      this.sweepGib(directory, this.keys[i] as number, page, end, out, erase);
    }
  }

  private sweepGib(
    directory: Directory,
    gib: number,
    page: number,
    end: number,
    out: RunSink,
    erase: boolean,
  ): void {
    const slot = this.slotOf(directory, gib);
    if (slot === 0) return;
    const base = gib * GIB_PAGES;
    const from = Math.max(page - base, 0);
    const to = Math.min(end - base, GIB_PAGES);
    let mid = ~slot;
    if (slot > 0) {
      if (!erase || to - from === GIB_PAGES) {
        out.push(base + from, to - from, slot);
        if (erase) this.setSlot(directory, gib, 0);
        return;
      }
      mid = this.take(slot);
      this.setSlot(directory, gib, ~mid);
    }
    const last = (to - 1) >> FAN_SHIFT;
    const wholeEnd = to >> FAN_SHIFT;
    for (let index = from >> FAN_SHIFT; index <= last; ) {
      const start = Math.max(from - index * FAN, 0);
      if (start === 0 && index < wholeEnd && (this.slots[mid * FAN + index] as number) >= 0) {
        index = this.sweepWhole(mid, index, wholeEnd, base, out, erase);
        continue;
      }
      const stop = Math.min(to - index * FAN, FAN);
      if (this.slots[mid * FAN + index] !== 0)
        this.sweepBlock(mid, index, base + index * FAN, start, stop, out, erase);
      index++;
    }
    if (erase && this.nonZero[mid] === 0) {
      this.setSlot(directory, gib, 0);
      this.release(mid);
    }
  }

  /** Sweeps the blocks from `index` on that have no node, before `end`; returns the next one. */
  private sweepWhole(
    mid: number,
    index: number,
    end: number,
    base: number,
    out: RunSink,
    erase: boolean,
  ): number {
    const { slots } = this;
    const first = mid * FAN + index;
    let at = first + 1;
    while (at < mid * FAN + end && (slots[at] as number) >= 0) at++;
    const found = out.takeSlots(slots, first, at, base + index * FAN, FAN);
    if (erase && found > 0) {
      slots.fill(0, first, at);
      this.nonZero[mid] = (this.nonZero[mid] as number) - found;
    }
    return index + at - first;
  }

  private sweepBlock(
    mid: number,
    index: number,
    base: number,
    from: number,
    to: number,
    out: RunSink,
    erase: boolean,
  ): void {
    const slot = this.slots[mid * FAN + index] as number;
    let leaf = ~slot;
    if (slot > 0) {
      if (!erase) {
        out.push(base + from, to - from, slot);
        return;
      }
      leaf = this.take(slot);
      this.slots[mid * FAN + index] = ~leaf;
    }
    const found = out.takeSlots(this.slots, leaf * FAN + from, leaf * FAN + to, base + from, 1);
    if (!erase || found === 0) return;
    if (to - from === 1) this.slots[leaf * FAN + from] = 0;
    else this.slots.fill(0, leaf * FAN + from, leaf * FAN + to);
    const nonZero = (this.nonZero[leaf] as number) - found;
    this.nonZero[leaf] = nonZero;
    if (nonZero > 0) return;
    this.emptySlot(mid, index);
    this.release(leaf);
  }

  private emptySlot(mid: number, index: number): void {
    this.slots[mid * FAN + index] = 0;
    this.nonZero[mid] = (this.nonZero[mid] as number) - 1;
  }

  private directoryOf(domain: number): Directory | undefined {
    if (domain === this.lastDomain) return this.lastDirectory;
    const directory = this.directories.get(domain);
    if (directory === undefined) return undefined;
    this.lastDomain = domain;
    this.lastDirectory = directory;
    return directory;
  }

  private newDirectory(domain: number): Directory {
    const directory = new Directory(domain);
    this.directories.set(domain, directory);
    return directory;
  }

  private slotOf(directory: Directory, gib: number): number {
    if (directory.gib !== gib) {
      directory.gib = gib;
      directory.slot = directory.slots.get(gib) ?? 0;
    }
    return directory.slot;
  }

  private setSlot(directory: Directory, gib: number, slot: number): void {
    directory.gib = gib;
    directory.slot = slot;
    if (slot === 0) directory.slots.delete(gib);
    else directory.slots.set(gib, slot);
    this.onSlot?.(directory.domain, gib, slot);
  }

  /** Fills `keys` with the GiBs of the range that the domain has; returns how many. */
  private sortedKeys(directory: Directory, first: number, last: number): number {
    if (this.keys.length < directory.slots.size) this.keys = new Float64Array(directory.slots.size * 2);
    let found = 0;
    for (const gib of directory.slots.keys()) if (gib >= first && gib <= last) this.keys[found++] = gib;
    this.keys.subarray(0, found).sort();
    return found;
  }

  /** A node with `id` in every slot. Free nodes are all zero, so that a lonely page needs no fill. */
  private take(id: number): number {
    let node = this.firstFree;
    if (node >= 0) {
      this.firstFree = this.nonZero[node] as number;
      this.free--;
    } else {
      node = this.nodes++;
      if (node === this.nonZero.length) {
        this.slots = grownInts(this.slots, this.slots.length * 2, this.store);
        this.nonZero = grownInts(this.nonZero, this.nonZero.length * 2, this.store);
      }
    }
    this.nonZero[node] = id === 0 ? 0 : FAN;
    if (id !== 0) this.slots.fill(id, node * FAN, (node + 1) * FAN);
    return node;
  }

  /** Only nodes whose slots are all 0 come back. */
  private release(node: number): void {
    this.nonZero[node] = this.firstFree;
    this.firstFree = node;
    this.free++;
  }
}

function notFree(): Error {
  return new Error('IOVA pages belong to a mapping already: clear a range before mapping it');
}
