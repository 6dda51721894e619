import { MachineError } from '../machine-error.ts';
import { FreeAreas, MAX_PAGE_ORDER } from './free-areas.ts';
import { FLAG_COMPOUND, FLAG_POISONED, PAGE_STATE, PageFrames } from './page-frames.ts';
import { PerCpuPages, type PerCpuPagesOptions } from './per-cpu-pages.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** `__GFP_ZERO` */
export const GFP_ZERO = 1;
/** `__GFP_COMP`: the block is one compound page. */
export const GFP_COMP = 2;

/** Who watches the allocator, in the order in which the kernel calls: mm/page_alloc.c, Linux 7.2. */
export interface AllocatorHooks {
  /** `debug_pagealloc_map_pages()` in `post_alloc_hook()`: every page that is handed out passes it. */
  allocHook(pfn: number, pages: number): void;
  /** The pages are somebody's. `traced` is false on the paths that give no `mm_page_alloc`. */
  allocated(pfn: number, order: number, owner: number, traced: boolean): void;
  /** `mm_page_free` */
  freeing(pfn: number, order: number): void;
  /** `debug_pagealloc_unmap_pages()` at the end of `__free_pages_prepare()`. */
  freeHook(pfn: number, pages: number): void;
  /** The pages are nobody's. */
  freed(pfn: number, order: number): void;
}

/** What the allocator does, so that a test can turn it over. */
export interface AllocatorRules {
  /** `free_pages_prepare()` returns early for a poisoned page, before the check of the sanitizer. */
  readonly skipsPoisonedPages: boolean;
}

export interface PageAllocatorOptions extends Partial<PerCpuPagesOptions> {
  readonly memory: PhysicalMemory;
  readonly hooks: AllocatorHooks;
  /** The CPU that runs. */
  readonly cpu: () => number;
  readonly rules?: Partial<AllocatorRules>;
}

/**
 * The page allocator: buddy blocks of orders 0 to 10 behind per-CPU lists, with the hooks and the tracepoints where the
 * kernel has them, and none where it has none.
 */
export class PageAllocator {
  readonly frames: PageFrames;
  private readonly areas: FreeAreas;
  private readonly perCpu: PerCpuPages;
  private readonly memory: PhysicalMemory;
  private readonly hooks: AllocatorHooks;
  private readonly cpu: () => number;
  private readonly rules: AllocatorRules;

  constructor({ memory, hooks, cpu, rules, batch = 16, high = 64 }: PageAllocatorOptions) {
    this.rules = { skipsPoisonedPages: true, ...rules };
    this.memory = memory;
    this.hooks = hooks;
    this.cpu = cpu;
    this.frames = new PageFrames(memory);
    this.areas = new FreeAreas(this.frames);
    this.perCpu = new PerCpuPages(this.frames, this.areas, { batch, high });
    this.addMemory();
  }

  get freePages(): number {
    return this.areas.freePages + this.perCpu.pages;
  }

  /**
   * `alloc_pages()`: `2^order` pages with one reference.
   *
   * @returns the first page, or -1 where memory has run out or the order is larger than 10
   */
  alloc(order: number, gfp: number, owner: number): number {
    const pfn = this.take(order);
    if (pfn >= 0) this.prepare(pfn, order, gfp, owner, true);
    return pfn;
  }

  /**
   * `alloc_pages_bulk()`: single pages from the CPU's list, without `mm_page_alloc`. As many as there are.
   *
   * The kernel falls back to the path with the event for a single page; so does this.
   */
  allocBulk(count: number, gfp: number, owner: number): number[] {
    const pages: number[] = [];
    while (pages.length < count) {
      const pfn = this.take(0);
      if (pfn < 0) break;
      this.prepare(pfn, 0, gfp, owner, count === 1);
      pages.push(pfn);
    }
    return pages;
  }

  /** `alloc_pages_exact()`: the surplus of the power of two goes back at once, page by page. */
  allocExact(pages: number, gfp: number, owner: number): number {
    const order = Math.ceil(Math.log2(pages));
    const pfn = this.alloc(order, gfp & ~GFP_COMP, owner);
    if (pfn < 0) return pfn;
    this.split(pfn);
    for (let surplus = pfn + pages; surplus < pfn + 2 ** order; surplus++) this.free(surplus, 0);
    return pfn;
  }

  /**
   * `alloc_contig_range()`: just these pages, each for itself. What the blocks at the edges hold beyond the range is
   * allocated too and freed again, as in the kernel.
   *
   * @returns false where one of them is not free
   */
  allocContigRange(pfn: number, pages: number, owner: number): boolean {
    this.perCpu.drainAll();
    const { frames } = this;
    const heads: number[] = [];
    for (let page = pfn; page < pfn + pages; ) {
      const head = frames.buddyHead(page, MAX_PAGE_ORDER);
      if (head < 0) return false;
      heads.push(head);
      page = head + 2 ** (frames.order[head] as number);
    }
    const outer: number[] = [];
    for (const head of heads) {
      const count = 2 ** (frames.order[head] as number);
      this.areas.remove(head);
      for (let page = head; page < head + count; page++) {
        this.prepare(page, 0, 0, owner, false);
        if (page < pfn || page >= pfn + pages) outer.push(page);
      }
    }
    for (const page of outer) this.free(page, 0);
    return true;
  }

  /** What compaction does to a free page that it isolates and does not need: `mark_allocated()`, then a free. */
  isolateAndPutBack(pfn: number, owner: number): boolean {
    if (!this.allocContigRange(pfn, 1, owner)) return false;
    this.free(pfn, 0);
    return true;
  }

  /** `split_page()`: a block without `__GFP_COMP` becomes single pages. */
  split(pfn: number): void {
    const { frames } = this;
    this.expectAllocated(pfn, 'split');
    if ((frames.flags[pfn] as number) & FLAG_COMPOUND) {
      throw new MachineError(`page ${pfn} is the head of a compound page and cannot be split`);
    }
    const end = pfn + 2 ** (frames.order[pfn] as number);
    for (let page = pfn; page < end; page++) {
      frames.mark(page, 0, PAGE_STATE.allocated, PAGE_STATE.tail);
      frames.refcount[page] = 1;
    }
  }

  /** `get_page()` */
  get(pfn: number): void {
    this.expectAllocated(pfn, 'referenced');
    (this.frames.refcount as Int32Array)[pfn] = (this.frames.refcount[pfn] as number) + 1;
  }

  /** `put_page()`: the last reference frees the block as it was allocated. */
  put(pfn: number): void {
    this.expectAllocated(pfn, 'put');
    this.free(pfn, this.frames.order[pfn] as number);
  }

  /**
   * `__free_pages()`: drops a reference and frees the block with the last one. Of a block that is not compound and has
   * another reference, all but the first page are freed now, in blocks of falling order.
   */
  free(pfn: number, order: number): void {
    const { frames } = this;
    this.expectAllocated(pfn, 'freed');
    if (frames.order[pfn] !== order) {
      throw new MachineError(
        `page ${pfn} was allocated with order ${frames.order[pfn]} and freed with ${order}`,
      );
    }
    const references = (frames.refcount[pfn] as number) - 1;
    frames.refcount[pfn] = references;
    if (references === 0) {
      this.freePrepared(pfn, order);
    } else if (!((frames.flags[pfn] as number) & FLAG_COMPOUND)) {
      frames.order[pfn] = 0;
      for (let tail = order - 1; tail >= 0; tail--) this.freePrepared(pfn + 2 ** tail, tail);
    }
  }

  /** `free_reserved_page()`: memory that was taken at boot is handed to the allocator. */
  freeReserved(pfn: number): void {
    if (this.memory.kindOf(pfn) !== 'reserved' || this.frames.state[pfn] !== PAGE_STATE.outside) {
      throw new MachineError(`page ${pfn} is not reserved`);
    }
    this.frames.refcount[pfn] = 0;
    this.freePrepared(pfn, 0);
  }

  /** The memory of the page is found broken: it never becomes free again. */
  poison(pfn: number): void {
    this.frames.flags[pfn] = (this.frames.flags[pfn] as number) | FLAG_POISONED;
  }

  private take(order: number): number {
    if (order > MAX_PAGE_ORDER) return -1;
    return this.perCpu.takes(order) ? this.perCpu.take(this.cpu(), order) : this.areas.take(order);
  }

  /** `prep_new_page()`, then the tracepoint. */
  private prepare(pfn: number, order: number, gfp: number, owner: number, traced: boolean): void {
    const { frames, memory, hooks } = this;
    const pages = 2 ** order;
    frames.mark(pfn, order, PAGE_STATE.allocated, PAGE_STATE.tail);
    frames.refcount[pfn] = 1;
    frames.flags[pfn] = gfp & GFP_COMP && order > 0 ? FLAG_COMPOUND : 0;
    hooks.allocHook(pfn, pages);
    if (gfp & GFP_ZERO) memory.zero(pfn * memory.pageSize, pages * memory.pageSize);
    hooks.allocated(pfn, order, owner, traced);
  }

  /** `__free_frozen_pages()` */
  private freePrepared(pfn: number, order: number): void {
    const { frames, hooks } = this;
    hooks.freeing(pfn, order);
    if (order === 0 && (frames.flags[pfn] as number) & FLAG_POISONED) {
      frames.state[pfn] = PAGE_STATE.poisoned;
      if (!this.rules.skipsPoisonedPages) hooks.freeHook(pfn, 1);
      return;
    }
    frames.flags[pfn] = 0;
    hooks.freeHook(pfn, 2 ** order);
    hooks.freed(pfn, order);
    if (this.perCpu.takes(order)) this.perCpu.put(this.cpu(), pfn, order);
    else this.areas.put(pfn, order);
  }

  private expectAllocated(pfn: number, what: string): void {
    const state = this.frames.state[pfn];
    if (state === PAGE_STATE.allocated) return;
    if (this.frames.isFree(pfn)) throw new MachineError(`page ${pfn} is ${what}, but is free already`);
    throw new MachineError(`page ${pfn} is ${what}, but is not the first page of an allocated block`);
  }

  private addMemory(): void {
    const { memory } = this;
    for (let pfn = 0; pfn < memory.pages; ) {
      let end = pfn;
      // Page 0 is never handed out: physical address 0 means "no translation".
      while (end < memory.pages && end !== 0 && memory.kindOf(end) === 'ram') end++;
      if (end > pfn) this.areas.addRange(pfn, end);
      pfn = end + 1;
    }
  }
}
