import type { FreeAreas } from './free-areas.ts';
import { PAGE_STATE, type PageFrames } from './page-frames.ts';

/** `PAGE_ALLOC_COSTLY_ORDER`: blocks above it do not go through the per-CPU lists (mm/page_alloc.c). */
const LARGEST_ORDER = 3;

export interface PerCpuPagesOptions {
  /** `pcp->batch`: blocks taken from or given to the buddy allocator at once; 0 turns the lists off. */
  readonly batch: number;
  /** `pcp->high`: blocks on one list before some go back. */
  readonly high: number;
}

/**
 * `struct per_cpu_pages`: what a CPU freed last it hands out first, which is why a page that was freed too early has a
 * new owner so soon.
 */
export class PerCpuPages {
  private readonly frames: PageFrames;
  private readonly areas: FreeAreas;
  private readonly options: PerCpuPagesOptions;
  /** Blocks by CPU and order, the next one to be handed out last. */
  private readonly lists: number[][][] = [];
  pages = 0;

  constructor(frames: PageFrames, areas: FreeAreas, options: PerCpuPagesOptions) {
    this.frames = frames;
    this.areas = areas;
    this.options = options;
  }

  /** `pcp_allowed_order()` */
  takes(order: number): boolean {
    return order <= LARGEST_ORDER && this.options.batch > 0;
  }

  /** `rmqueue_pcplist()`: a block, or -1 where the buddy allocator has none either. */
  take(cpu: number, order: number): number {
    const list = this.list(cpu, order);
    if (list.length === 0) this.refill(list, order);
    const pfn = list.pop();
    if (pfn === undefined) return -1;
    this.pages -= 2 ** order;
    return pfn;
  }

  /** `free_frozen_page_commit()` */
  put(cpu: number, pfn: number, order: number): void {
    const list = this.list(cpu, order);
    this.frames.mark(pfn, order, PAGE_STATE.perCpu, PAGE_STATE.perCpuTail);
    list.push(pfn);
    this.pages += 2 ** order;
    if (list.length > this.options.high) this.drain(list, order, this.options.batch);
  }

  /** `drain_all_pages()` */
  drainAll(): void {
    for (const byOrder of this.lists) {
      byOrder?.forEach((list, order) => {
        this.drain(list, order, list.length);
      });
    }
  }

  private refill(list: number[], order: number): void {
    for (let i = 0; i < this.options.batch; i++) {
      const pfn = this.areas.take(order);
      if (pfn < 0) break;
      this.frames.mark(pfn, order, PAGE_STATE.perCpu, PAGE_STATE.perCpuTail);
      list.push(pfn);
      this.pages += 2 ** order;
    }
    // The first block that was taken is the first to be handed out.
    list.reverse();
  }

  /** `free_pcppages_bulk()`: the blocks that were freed longest ago go back. */
  private drain(list: number[], order: number, count: number): void {
    for (const pfn of list.splice(0, count)) {
      this.pages -= 2 ** order;
      this.areas.put(pfn, order);
    }
  }

  private list(cpu: number, order: number): number[] {
    this.lists[cpu] ??= [];
    const byOrder = this.lists[cpu] as number[][];
    for (let missing = byOrder.length; missing <= order; missing++) byOrder.push([]);
    return byOrder[order] as number[];
  }
}
