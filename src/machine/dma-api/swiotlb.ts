import type { PageAllocator } from '../memory/page-allocator.ts';
import { type PhysicalMemory, WORD_SIZE } from '../memory/physical-memory.ts';

/** A part of the pool that is in use. */
interface Slot {
  readonly original: number;
  readonly size: number;
  readonly first: number;
  readonly pages: number;
}

/** Pages of the pool. Linux takes 64 MiB at boot; the machine takes these when they are first needed. */
const POOL_PAGES = 64;

/**
 * kernel/dma/swiotlb.c: memory at the lowest addresses, for buffers that a device does not reach. What it copies, and
 * when, decides whether a late sync overwrites memory that is somebody else's.
 */
export class Swiotlb {
  private readonly memory: PhysicalMemory;
  private readonly allocator: PageAllocator;
  private readonly owner: number;
  private readonly slots = new Map<number, Slot>();
  /** Whether each page of the pool is in use. */
  private readonly used = new Uint8Array(POOL_PAGES);
  /** First page of the pool; -1 before it is taken. */
  private pool = -1;

  constructor(memory: PhysicalMemory, allocator: PageAllocator, owner: number) {
    this.memory = memory;
    this.allocator = allocator;
    this.owner = owner;
  }

  /**
   * `swiotlb_tbl_map_single()`
   *
   * @param mask the last address that the device reaches
   * @returns the address of the bounce buffer, or `undefined` where there is no room, or none within reach
   */
  map(phys: number, size: number, mask: number, copiesIn: boolean): number | undefined {
    if (this.pool < 0) this.pool = this.takePool();
    if (this.pool < 0) return undefined;
    const { pageSize } = this.memory;
    // The offset within a page is kept, as devices with alignment constraints want it.
    const offset = phys % pageSize;
    const pages = Math.ceil((offset + size) / pageSize);
    const first = this.firstFit(pages);
    const bounce = (this.pool + first) * pageSize + offset;
    if (first < 0 || bounce + size - 1 > mask) return undefined;
    this.used.fill(1, first, first + pages);
    this.slots.set(bounce, { original: phys, size, first, pages });
    if (copiesIn) this.copy(phys, bounce, size);
    return bounce;
  }

  /** `swiotlb_tbl_unmap_single()`; an address that is none of the pool's is left alone. */
  unmap(bounce: number, copiesOut: boolean): void {
    const slot = this.slots.get(bounce);
    if (!slot) return;
    if (copiesOut) this.copy(bounce, slot.original, slot.size);
    this.slots.delete(bounce);
    this.used.fill(0, slot.first, slot.first + slot.pages);
  }

  /** `swiotlb_sync_single_for_{cpu,device}()` */
  sync(bounce: number, forCpu: boolean): void {
    const slot = this.slots.get(bounce);
    if (!slot) return;
    if (forCpu) this.copy(bounce, slot.original, slot.size);
    else this.copy(slot.original, bounce, slot.size);
  }

  /** The lowest free pages that lie in a row. */
  private takePool(): number {
    for (let pfn = 1; pfn + POOL_PAGES <= this.memory.pages; pfn++) {
      if (this.allocator.allocContigRange(pfn, POOL_PAGES, this.owner)) return pfn;
    }
    return -1;
  }

  private firstFit(pages: number): number {
    for (let first = 0; first + pages <= POOL_PAGES; first++) {
      if (!this.used.subarray(first, first + pages).includes(1)) return first;
    }
    return -1;
  }

  private copy(from: number, to: number, size: number): void {
    const start = from - (from % WORD_SIZE);
    const target = to - (to % WORD_SIZE);
    for (let at = 0; at < size; at += WORD_SIZE) this.memory.write(target + at, this.memory.read(start + at));
  }
}
