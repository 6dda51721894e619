import type { UserMemory } from './user-memory.ts';

/**
 * The pins of one mapping. A pin is taken back by page frame, as VFIO does: what an unmap says is gone is unpinned, right
 * or wrong, so that a page that was never pinned is an error here as it would be a corrupted count in the kernel.
 */
export class PinnedPages {
  private readonly memory: UserMemory;
  private readonly pins = new Map<number, number>();

  constructor(memory: UserMemory) {
    this.memory = memory;
  }

  get count(): number {
    let sum = 0;
    for (const count of this.pins.values()) sum += count;
    return sum;
  }

  /**
   * `vfio_pin_pages_remote()`: pins from a page on, as long as the page frames follow each other.
   *
   * @returns the first page frame and how many follow it
   */
  pinRun(page: number, most: number): { readonly pfn: number; readonly pages: number } {
    const pfn = this.memory.pfn(page);
    let pages = 0;
    while (pages < most && this.memory.pfn(page + pages) === pfn + pages) {
      this.memory.pin(page + pages);
      this.pins.set(pfn + pages, (this.pins.get(pfn + pages) ?? 0) + 1);
      pages++;
    }
    return { pfn, pages };
  }

  /** `vfio_unpin_pages_remote()`. @returns pages that were pinned */
  unpin(pfn: number, pages: number): number {
    let unpinned = 0;
    for (let each = pfn; each < pfn + pages; each++) {
      const count = this.pins.get(each);
      if (count === undefined) continue;
      if (count === 1) this.pins.delete(each);
      else this.pins.set(each, count - 1);
      this.memory.unpin(each);
      unpinned++;
    }
    return unpinned;
  }
}
