import type { PageAllocator } from '../memory/page-allocator.ts';
import { type PhysicalMemory, WORD_SIZE } from '../memory/physical-memory.ts';

/** A slot of the bounce buffer that is in use. */
interface Slot {
  readonly original: number;
  readonly size: number;
  readonly pages: number;
}

/**
 * kernel/dma/swiotlb.c: memory that every device reaches, for buffers that a device does not. What it copies, and when,
 * decides whether a late sync overwrites memory that is somebody else's.
 */
export class Swiotlb {
  private readonly memory: PhysicalMemory;
  private readonly allocator: PageAllocator;
  private readonly owner: number;
  private readonly slots = new Map<number, Slot>();

  constructor(memory: PhysicalMemory, allocator: PageAllocator, owner: number) {
    this.memory = memory;
    this.allocator = allocator;
    this.owner = owner;
  }

  /** `swiotlb_tbl_map_single()`: the address of the bounce buffer, or `undefined` where there is no room. */
  map(phys: number, size: number, copiesIn: boolean): number | undefined {
    const order = Math.max(0, Math.ceil(Math.log2(size / this.memory.pageSize)));
    const pfn = this.allocator.alloc(order, 0, this.owner);
    if (pfn < 0) return undefined;
    const bounce = pfn * this.memory.pageSize + (phys % WORD_SIZE);
    this.slots.set(bounce, { original: phys, size, pages: order });
    if (copiesIn) this.copy(phys, bounce, size);
    return bounce;
  }

  /** `swiotlb_tbl_unmap_single()` */
  unmap(bounce: number, copiesOut: boolean): boolean {
    const slot = this.slots.get(bounce);
    if (!slot) return false;
    if (copiesOut) this.copy(bounce, slot.original, slot.size);
    this.slots.delete(bounce);
    this.allocator.free(Math.floor(bounce / this.memory.pageSize), slot.pages);
    return true;
  }

  /** `swiotlb_sync_single_for_{cpu,device}()` */
  sync(bounce: number, forCpu: boolean): void {
    const slot = this.slots.get(bounce);
    if (!slot) return;
    if (forCpu) this.copy(bounce, slot.original, slot.size);
    else this.copy(slot.original, bounce, slot.size);
  }

  private copy(from: number, to: number, size: number): void {
    const start = from - (from % WORD_SIZE);
    const target = to - (to % WORD_SIZE);
    for (let at = 0; at < size; at += WORD_SIZE) this.memory.write(target + at, this.memory.read(start + at));
  }
}
