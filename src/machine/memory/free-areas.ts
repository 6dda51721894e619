import { PAGE_STATE, type PageFrames } from './page-frames.ts';

/** `MAX_PAGE_ORDER`, include/linux/mmzone.h. */
export const MAX_PAGE_ORDER = 10;

const NONE = -1;

/**
 * `zone->free_area`: the free blocks of each order, and the buddy algorithm over them (mm/page_alloc.c, Linux 7.2). One
 * zone and one migrate type.
 */
export class FreeAreas {
  private readonly frames: PageFrames;
  /** First block of each order's list. */
  private readonly heads = new Int32Array(MAX_PAGE_ORDER + 1).fill(NONE);
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  freePages = 0;

  constructor(frames: PageFrames) {
    this.frames = frames;
    this.next = new Int32Array(frames.count).fill(NONE);
    this.previous = new Int32Array(frames.count).fill(NONE);
  }

  /** Adds a part of memory at boot, in blocks as large as their alignment allows; low addresses are given out first. */
  addRange(pfn: number, end: number): void {
    const blocks: [pfn: number, order: number][] = [];
    while (pfn < end) {
      let order = MAX_PAGE_ORDER;
      while (pfn % 2 ** order !== 0 || pfn + 2 ** order > end) order--;
      blocks.push([pfn, order]);
      pfn += 2 ** order;
    }
    for (const [first, order] of blocks.reverse()) this.put(first, order);
  }

  /** `__rmqueue_smallest()`: the first page of a block, or -1. */
  take(order: number): number {
    for (let from = order; from <= MAX_PAGE_ORDER; from++) {
      const pfn = this.heads[from] as number;
      if (pfn === NONE) continue;
      this.remove(pfn);
      // expand(): the upper halves go back.
      for (let half = from - 1; half >= order; half--) this.insert(pfn + 2 ** half, half);
      return pfn;
    }
    return NONE;
  }

  /** `__free_one_page()`: merges the block with its buddy as long as that is free as a whole. */
  put(pfn: number, order: number): void {
    const { state, order: orders, count } = this.frames;
    while (order < MAX_PAGE_ORDER) {
      const size = 2 ** order;
      const buddy = Math.floor(pfn / size) % 2 === 0 ? pfn + size : pfn - size;
      if (buddy >= count || state[buddy] !== PAGE_STATE.buddy || orders[buddy] !== order) break;
      this.remove(buddy);
      pfn = Math.min(pfn, buddy);
      order++;
    }
    this.insert(pfn, order);
  }

  /** Takes a block off its list, for those that need just these pages: CMA, compaction. */
  remove(pfn: number): void {
    const order = this.frames.order[pfn] as number;
    const next = this.next[pfn] as number;
    const previous = this.previous[pfn] as number;
    if (previous === NONE) this.heads[order] = next;
    else this.next[previous] = next;
    if (next !== NONE) this.previous[next] = previous;
    this.freePages -= 2 ** order;
    this.frames.mark(pfn, order, PAGE_STATE.outside, PAGE_STATE.outside);
  }

  private insert(pfn: number, order: number): void {
    const first = this.heads[order] as number;
    this.next[pfn] = first;
    this.previous[pfn] = NONE;
    if (first !== NONE) this.previous[first] = pfn;
    this.heads[order] = pfn;
    this.freePages += 2 ** order;
    this.frames.mark(pfn, order, PAGE_STATE.buddy, PAGE_STATE.buddyTail);
  }
}
