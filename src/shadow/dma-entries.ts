import { DMA_KINDS, type DmaKind } from '../kernel/dma.ts';
import type { Moment } from '../kernel/moment.ts';
import { frameOf } from '../kernel/units.ts';
import { grownFloats, grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';
import { IdStack } from './id-stack.ts';

/** Undone mappings that are remembered, to recognise a second unmap and a late sync. */
const REMEMBERED = 65_536;

/**
 * The mappings of the DMA API as dma-debug sees them: by device and DMA address, with size, direction, kind and
 * attributes. An entry that was unmapped stays for a while as a *former* one.
 *
 * Entries of a device are found by the 4 KiB page of their address, like in the hash of kernel/dma/debug.c.
 * A scatterlist is one entry per DMA segment; they share a `list`, the entry of the first segment.
 */
export class DmaEntries {
  device = new Int32Array(INITIAL_RECORDS);
  address = new Float64Array(INITIAL_RECORDS);
  size = new Float64Array(INITIAL_RECORDS);
  direction = new Int32Array(INITIAL_RECORDS);
  attrs = new Int32Array(INITIAL_RECORDS);
  /** Physical address, -1 where unknown. Of a scatterlist: that of its first entry. */
  phys = new Float64Array(INITIAL_RECORDS);
  /** Entries of the scatterlist that the driver passed; 0 for other kinds. */
  nents = new Int32Array(INITIAL_RECORDS);
  /** Generation of the driver's binding, see `Devices`. */
  generation = new Int32Array(INITIAL_RECORDS);

  private kind = new Int32Array(INITIAL_RECORDS);
  /** Of an undone mapping: 1 + its place in {@link formerRing}; 0 for a live one. */
  private former = new Int32Array(INITIAL_RECORDS);
  /** The next entry at the same page, or 0. */
  private next = new Int32Array(INITIAL_RECORDS);
  /** Of a scatterlist: its first segment's entry, and the entry of the next segment. */
  private list = new Int32Array(INITIAL_RECORDS);
  private nextSegment = new Int32Array(INITIAL_RECORDS);
  /** Of the first segment of a live scatterlist: the next list that begins with the same physical address, or 0. */
  private nextList = new Int32Array(INITIAL_RECORDS);
  private readonly madeMoments = new MomentColumns();
  private readonly undoneMoments = new MomentColumns();
  private end = 1;
  private readonly free = new IdStack();

  /** Entry chains by page of the address, by device. */
  private readonly byPage = new Map<number, Map<number, number>>();
  /** First segments of live scatterlists by the physical address of their first entry, by device. */
  private readonly lists = new Map<number, Map<number, number>>();
  /** Pages of the largest entry of each device: how far back a look-up inside an entry must go. */
  private readonly largest = new Map<number, number>();
  /** Former entries in the order in which they ended. */
  private readonly formerRing = new Int32Array(REMEMBERED);
  private formerCount = 0;
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
    const pages = this.pagesOf(device);
    const page = frameOf(address);
    this.next[entry] = this.withoutFormers(pages.get(page) ?? 0, address);
    pages.set(page, entry);
    const span = frameOf(address + Math.max(size, 1) - 1) - page;
    if (span > (this.largest.get(device) ?? 0)) this.largest.set(device, span);
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
      if (this.address[entry] !== address || this.former[entry] !== 0) continue;
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
    const pages = this.byPage.get(device);
    if (!pages) return 0;
    const page = frameOf(address);
    const reach = this.largest.get(device) ?? 0;
    for (let back = 0; back <= reach; back++) {
      for (let entry = pages.get(page - back) ?? 0; entry !== 0; entry = this.next[entry] as number) {
        const start = this.address[entry] as number;
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
      if (this.address[entry] !== address || this.former[entry] === 0) continue;
      if (found === 0 || this.undoneMoments.timeOf(entry) > this.undoneMoments.timeOf(found)) found = entry;
    }
    return found;
  }

  /** A live entry of another device at this address with this size; 0 for none. */
  findOfOtherDevice(device: number, address: number, size: number): number {
    for (const other of this.byPage.keys()) {
      if (other === device) continue;
      for (let entry = this.firstAt(other, address); entry !== 0; entry = this.next[entry] as number) {
        if (this.address[entry] === address && this.size[entry] === size && this.former[entry] === 0)
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

  private firstAt(device: number, address: number): number {
    return this.byPage.get(device)?.get(frameOf(address)) ?? 0;
  }

  private pagesOf(device: number): Map<number, number> {
    let pages = this.byPage.get(device);
    if (!pages) {
      pages = new Map();
      this.byPage.set(device, pages);
    }
    return pages;
  }

  /**
   * A chain without its former entries at `address`: the address is given out again, and what was there before does
   * not matter any more. Without this, a page of IOVA space that is used over and over would have an endless chain.
   */
  private withoutFormers(head: number, address: number): number {
    let before = 0;
    for (let entry = head; entry !== 0; ) {
      const next = this.next[entry] as number;
      if (this.former[entry] !== 0 && this.address[entry] === address) {
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
    const pages = this.pagesOf(this.device[entry] as number);
    const page = frameOf(this.address[entry] as number);
    let before = 0;
    for (let at = pages.get(page) ?? 0; at !== 0; at = this.next[at] as number) {
      if (at !== entry) {
        before = at;
        continue;
      }
      const next = this.next[entry] as number;
      if (before !== 0) this.next[before] = next;
      else if (next !== 0) pages.set(page, next);
      else pages.delete(page);
      break;
    }
    this.free.push(entry);
  }

  private take(): number {
    const reused = this.free.pop();
    if (reused !== 0) return reused;
    const entry = this.end++;
    if (entry === this.device.length) this.grow();
    return entry;
  }

  private grow(): void {
    const size = this.device.length * 2;
    this.device = grownInts(this.device, size);
    this.address = grownFloats(this.address, size);
    this.size = grownFloats(this.size, size);
    this.direction = grownInts(this.direction, size);
    this.attrs = grownInts(this.attrs, size);
    this.phys = grownFloats(this.phys, size);
    this.nents = grownInts(this.nents, size);
    this.generation = grownInts(this.generation, size);
    this.kind = grownInts(this.kind, size);
    this.former = grownInts(this.former, size);
    this.next = grownInts(this.next, size);
    this.list = grownInts(this.list, size);
    this.nextSegment = grownInts(this.nextSegment, size);
    this.nextList = grownInts(this.nextList, size);
    this.madeMoments.grow(size);
    this.undoneMoments.grow(size);
  }
}
