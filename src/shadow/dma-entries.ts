import { DMA_KINDS, type DmaKind } from '../kernel/dma.ts';
import type { Moment } from '../kernel/moment.ts';
import { grownFloats, grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';
import { frameOf } from '../kernel/units.ts';
import { INITIAL_RECORDS, MomentColumns } from './columns.ts';
import { IdStack } from './id-stack.ts';

/** Undone mappings that are remembered, to recognise a second unmap and a late sync. */
export const REMEMBERED = 65_536;

const INITIAL_DEVICES = 64;

/** 2^32 divided by the golden ratio, the usual multiplier of a hash. */
const GOLDEN = 0x9e37_79b1;

/**
 * The mappings of the DMA API as dma-debug sees them: by device and DMA address, with size, direction, kind and
 * attributes. An entry that was unmapped stays for a while as a *former* one.
 *
 * Entries are found by their device and the 4 KiB page of their address, like in the hash of kernel/dma/debug.c.
 * A scatterlist is one entry per DMA segment; they share a `list`, the entry of the first segment.
 */
export class DmaEntries {
  device: Int32Array = new Int32Array(INITIAL_RECORDS);
  address: Float64Array = new Float64Array(INITIAL_RECORDS);
  size: Float64Array = new Float64Array(INITIAL_RECORDS);
  direction: Int32Array = new Int32Array(INITIAL_RECORDS);
  attrs: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Physical address, -1 where unknown. Of a scatterlist: that of its first entry. */
  phys: Float64Array = new Float64Array(INITIAL_RECORDS);
  /** Entries of the scatterlist that the driver passed; 0 for other kinds. */
  nents: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Generation of the driver's binding, see `Devices`. */
  generation: Int32Array = new Int32Array(INITIAL_RECORDS);

  kind: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Of an undone mapping: 1 + its place in {@link formerRing}; 0 for a live one. */
  former: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** The next entry in the same bucket, or 0: younger ones come first. */
  next: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Of a scatterlist: its first segment's entry, and the entry of the next segment. */
  list: Int32Array = new Int32Array(INITIAL_RECORDS);
  nextSegment: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Of the first segment of a live scatterlist: the next list that begins with the same physical address, or 0. */
  nextList: Int32Array = new Int32Array(INITIAL_RECORDS);
  readonly madeMoments = new MomentColumns();
  readonly undoneMoments = new MomentColumns();
  end = 1;
  readonly free = new IdStack();

  /** The first entry of each bucket, by device and page of the address; as many as there is room for entries. */
  buckets: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** First segments of live scatterlists by the physical address of their first entry, by device. */
  private readonly lists = new Map<number, Map<number, number>>();
  /** Of each device, 1 + the pages that its largest entry spans: how far back a look-up must go. 0: it has no entries. */
  largest: Int32Array = new Int32Array(INITIAL_DEVICES);
  /** Former entries in the order in which they ended. */
  formerRing: Int32Array = new Int32Array(REMEMBERED);
  formerCount = 0;
  /** The devices that have entries, in the order of their first one. */
  private readonly devices: number[] = [];
  private store = OWN_MEMORY;
  /** The last questions of {@link containing} and {@link find}; `entry` is -1 when the answer may have changed. */
  private readonly lastContaining = { device: 0, address: 0, entry: -1 };
  private readonly lastFind = {
    device: 0,
    address: 0,
    size: 0,
    kind: 'single' as DmaKind,
    direction: 0,
    entry: -1,
  };

  /** @returns the new entry */
  add(
    at: Readonly<Moment>,
    kind: DmaKind,
    device: number,
    address: number,
    size: number,
    phys: number,
    direction: number,
    attrs: number,
    generation: number,
  ): number {
    this.lastFind.entry = -1;
    this.lastContaining.entry = -1;
    const entry = this.take();
    this.device[entry] = device;
    this.address[entry] = address;
    this.size[entry] = size;
    this.phys[entry] = phys;
    this.direction[entry] = direction;
    this.attrs[entry] = attrs;
    this.nents[entry] = 0;
    this.generation[entry] = generation;
    this.kind[entry] = DMA_KINDS.indexOf(kind);
    this.former[entry] = 0;
    this.list[entry] = entry;
    this.nextSegment[entry] = 0;
    this.nextList[entry] = 0;
    this.madeMoments.set(entry, at);
    const page = frameOf(address);
    const bucket = this.bucketOf(device, page);
    this.next[entry] = this.withoutFormers(this.buckets[bucket] as number, device, address);
    this.buckets[bucket] = entry;
    this.noteSpan(device, frameOf(address + Math.max(size, 1) - 1) - page);
    return entry;
  }

  /** Makes `entry` a further segment of the list that `first` began. */
  chain(first: number, last: number, entry: number): void {
    this.list[entry] = first;
    this.nextSegment[last] = entry;
  }

  /** Remembers `first` as a scatterlist of `nents` entries, to be found by its physical address. */
  addList(first: number, nents: number): void {
    this.nents[first] = nents;
    const device = this.device[first] as number;
    let lists = this.lists.get(device);
    if (!lists) {
      lists = new Map();
      this.lists.set(device, lists);
    }
    const phys = this.phys[first] as number;
    this.nextList[first] = lists.get(phys) ?? 0;
    lists.set(phys, first);
  }

  /**
   * The live entry at exactly this address that fits best, as dma-debug chooses: equal size, kind and direction
   * count. 0 for none.
   */
  find(device: number, address: number, size: number, kind: DmaKind, direction: number): number {
    const { lastFind } = this;
    // Each of the unmap rules asks for the same call.
    if (
      lastFind.entry >= 0 &&
      lastFind.device === device &&
      lastFind.address === address &&
      lastFind.size === size &&
      lastFind.kind === kind &&
      lastFind.direction === direction
    ) {
      return lastFind.entry;
    }
    lastFind.device = device;
    lastFind.address = address;
    lastFind.size = size;
    lastFind.kind = kind;
    lastFind.direction = direction;
    lastFind.entry = this.bestFit(device, address, size, kind, direction);
    return lastFind.entry;
  }

  private bestFit(device: number, address: number, size: number, kind: DmaKind, direction: number): number {
    let best = 0;
    let bestScore = -1;
    const wanted = DMA_KINDS.indexOf(kind);
    for (let entry = this.firstAt(device, address); entry !== 0; entry = this.next[entry] as number) {
      if (!this.isAt(entry, device, address) || this.former[entry] !== 0) continue;
      const score =
        Number(this.size[entry] === size) +
        Number(this.kind[entry] === wanted) +
        Number(this.direction[entry] === direction);
      if (score > bestScore) {
        best = entry;
        bestScore = score;
      }
    }
    return best;
  }

  /**
   * The live scatterlist whose first entry has this physical address; 0 for none. Several may begin with the same
   * page: an equal number of entries and an equal direction count, then the younger one.
   */
  findList(device: number, phys: number, nents: number, direction: number): number {
    let best = 0;
    let bestScore = -1;
    let list = this.lists.get(device)?.get(phys) ?? 0;
    for (; list !== 0; list = this.nextList[list] as number) {
      const score = Number(this.nents[list] === nents) + Number(this.direction[list] === direction);
      if (score > bestScore) {
        best = list;
        bestScore = score;
      }
    }
    return best;
  }

  /** The entry that contains the address: a live one before a former one. 0 for none. */
  containing(device: number, address: number): number {
    const { lastContaining } = this;
    // Each of the sync rules asks for the same call.
    if (lastContaining.entry < 0 || lastContaining.device !== device || lastContaining.address !== address) {
      lastContaining.device = device;
      lastContaining.address = address;
      lastContaining.entry = this.findContaining(device, address);
    }
    return lastContaining.entry;
  }

  private findContaining(device: number, address: number): number {
    let former = 0;
    const page = frameOf(address);
    const reach = this.largest[device] ?? 0;
    for (let back = 0; back < reach; back++) {
      let entry = this.buckets[this.bucketOf(device, page - back)] as number;
      for (; entry !== 0; entry = this.next[entry] as number) {
        const start = this.address[entry] as number;
        if (this.device[entry] !== device || frameOf(start) !== page - back) continue;
        if (address < start || address >= start + (this.size[entry] as number)) continue;
        if (this.former[entry] === 0) return entry;
        if (former === 0) former = entry;
      }
    }
    return former;
  }

  /** The former entry at exactly this address that ended last; 0 for none. */
  findFormer(device: number, address: number): number {
    let found = 0;
    for (let entry = this.firstAt(device, address); entry !== 0; entry = this.next[entry] as number) {
      if (!this.isAt(entry, device, address) || this.former[entry] === 0) continue;
      if (found === 0 || this.undoneMoments.timeOf(entry) > this.undoneMoments.timeOf(found)) found = entry;
    }
    return found;
  }

  /** A live entry of another device at this address with this size; 0 for none. */
  findOfOtherDevice(device: number, address: number, size: number): number {
    for (const other of this.devices) {
      if (other === device) continue;
      for (let entry = this.firstAt(other, address); entry !== 0; entry = this.next[entry] as number) {
        if (this.isAt(entry, other, address) && this.size[entry] === size && this.former[entry] === 0)
          return entry;
      }
    }
    return 0;
  }

  /** The entry, with all segments if it belongs to a scatterlist, was undone. */
  undo(at: Readonly<Moment>, entry: number): void {
    this.lastFind.entry = -1;
    this.lastContaining.entry = -1;
    const first = this.list[entry] as number;
    this.forgetList(first);
    for (let segment = first; segment !== 0; segment = this.nextSegment[segment] as number) {
      this.undoneMoments.set(segment, at);
      this.remember(segment);
    }
  }

  private forgetList(first: number): void {
    if (this.nents[first] === 0) return;
    const lists = this.lists.get(this.device[first] as number);
    const phys = this.phys[first] as number;
    const next = this.nextList[first] as number;
    let before = lists?.get(phys) ?? 0;
    if (before === first) {
      if (next === 0) lists?.delete(phys);
      else lists?.set(phys, next);
      return;
    }
    while (before !== 0 && this.nextList[before] !== first) before = this.nextList[before] as number;
    if (before !== 0) this.nextList[before] = next;
  }

  isFormer(entry: number): boolean {
    return this.former[entry] !== 0;
  }

  kindOf(entry: number): DmaKind {
    return DMA_KINDS[this.kind[entry] as number] as DmaKind;
  }

  madeAt(entry: number): Moment {
    return this.madeMoments.get(entry);
  }

  undoneAt(entry: number): Moment {
    return this.undoneMoments.get(entry);
  }

  private bucketOf(device: number, page: number): number {
    const mixed = Math.imul(Math.imul(device, GOLDEN) ^ (page >>> 0), GOLDEN);
    return (mixed ^ (mixed >>> 15)) & (this.buckets.length - 1);
  }

  /** The first entry of the bucket in which those at an address are. */
  private firstAt(device: number, address: number): number {
    return this.buckets[this.bucketOf(device, frameOf(address))] as number;
  }

  private isAt(entry: number, device: number, address: number): boolean {
    return this.address[entry] === address && this.device[entry] === device;
  }

  private noteSpan(device: number, span: number): void {
    if (device >= this.largest.length) {
      this.largest = grownInts(this.largest, 2 ** Math.ceil(Math.log2(device + 1)), this.store);
    }
    const known = this.largest[device] as number;
    if (known === 0) this.devices.push(device);
    if (span >= known) this.largest[device] = span + 1;
  }

  /**
   * A chain without its former entries at `address`: the address is given out again, and what was there before does
   * not matter any more. Without this, a page of IOVA space that is used over and over would have an endless chain.
   */
  private withoutFormers(head: number, device: number, address: number): number {
    let before = 0;
    for (let entry = head; entry !== 0; ) {
      const next = this.next[entry] as number;
      if (this.former[entry] !== 0 && this.isAt(entry, device, address)) {
        if (before === 0) head = next;
        else this.next[before] = next;
        this.former[entry] = 0;
        this.free.push(entry);
      } else {
        before = entry;
      }
      entry = next;
    }
    return head;
  }

  private remember(entry: number): void {
    const slot = this.formerCount % REMEMBERED;
    if (this.formerCount >= REMEMBERED) this.forget(this.formerRing[slot] as number, slot);
    this.formerRing[slot] = entry;
    this.former[entry] = slot + 1;
    this.formerCount++;
  }

  /** Drops the former entry that a place in the ring stands for, unless its address was given out again since. */
  private forget(entry: number, slot: number): void {
    if (this.former[entry] !== slot + 1) return;
    this.former[entry] = 0;
    const bucket = this.bucketOf(this.device[entry] as number, frameOf(this.address[entry] as number));
    let before = 0;
    for (let at = this.buckets[bucket] as number; at !== entry; at = this.next[at] as number) before = at;
    if (before === 0) this.buckets[bucket] = this.next[entry] as number;
    else this.next[before] = this.next[entry] as number;
    this.free.push(entry);
  }

  private take(): number {
    const reused = this.free.pop();
    if (reused !== 0) return reused;
    const entry = this.end++;
    if (entry === this.device.length) {
      this.grow(entry * 2);
      this.fillBuckets(entry * 2);
    }
    return entry;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.device.length);
    this.madeMoments.moveTo(store);
    this.undoneMoments.moveTo(store);
    this.free.moveTo(store);
    this.buckets = grownInts(this.buckets, this.buckets.length, store);
    this.largest = grownInts(this.largest, this.largest.length, store);
    this.formerRing = grownInts(this.formerRing, REMEMBERED, store);
  }

  /** Forgets the answers that are kept: the entries have changed in another way than through the calls of this class. */
  forgetAnswers(): void {
    this.lastFind.entry = -1;
    this.lastContaining.entry = -1;
  }

  /** Spreads the entries over more buckets; those that meet again keep their order. */
  private fillBuckets(count: number): void {
    const { buckets: old, next } = this;
    this.store.release(old);
    this.buckets = this.store.ints(count);
    const chain: number[] = [];
    for (let bucket = 0; bucket < old.length; bucket++) {
      for (let entry = old[bucket] as number; entry !== 0; entry = next[entry] as number) chain.push(entry);
      for (let entry = chain.pop(); entry !== undefined; entry = chain.pop()) {
        const into = this.bucketOf(this.device[entry] as number, frameOf(this.address[entry] as number));
        next[entry] = this.buckets[into] as number;
        this.buckets[into] = entry;
      }
    }
  }

  private grow(size: number): void {
    const { store } = this;
    this.device = grownInts(this.device, size, store);
    this.address = grownFloats(this.address, size, store);
    this.size = grownFloats(this.size, size, store);
    this.direction = grownInts(this.direction, size, store);
    this.attrs = grownInts(this.attrs, size, store);
    this.phys = grownFloats(this.phys, size, store);
    this.nents = grownInts(this.nents, size, store);
    this.generation = grownInts(this.generation, size, store);
    this.kind = grownInts(this.kind, size, store);
    this.former = grownInts(this.former, size, store);
    this.next = grownInts(this.next, size, store);
    this.list = grownInts(this.list, size, store);
    this.nextSegment = grownInts(this.nextSegment, size, store);
    this.nextList = grownInts(this.nextList, size, store);
    this.madeMoments.grow(size);
    this.undoneMoments.grow(size);
  }
}
