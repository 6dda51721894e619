import type { PhysicalMemory } from './physical-memory.ts';

/** Where a page is; what the kernel keeps in `page->flags`, `page_type` and on which list. */
export const PAGE_STATE = {
  /** Never handed out: reserved at boot, device memory, a hole. */
  outside: 0,
  /** First page of an allocated block. */
  allocated: 1,
  /** A further page of an allocated block. */
  tail: 2,
  /** First page of a block on a free list of the buddy allocator. */
  buddy: 3,
  /** A further page of such a block. */
  buddyTail: 4,
  /** First page of a block on a per-CPU list. */
  perCpu: 5,
  perCpuTail: 6,
  /** Taken out of use because its memory is broken (HWPoison). */
  poisoned: 7,
} as const;

/** `PageHead()`: the block was allocated with `__GFP_COMP` and is freed as one. */
export const FLAG_COMPOUND = 1;
/** `PageHWPoison()` */
export const FLAG_POISONED = 2;

/** `struct page` of all pages, in columns. */
export class PageFrames {
  readonly count: number;
  /** One of {@link PAGE_STATE}. */
  readonly state: Uint8Array;
  /** Order of the block that begins here; meaningless for tails. */
  readonly order: Uint8Array;
  readonly flags: Uint8Array;
  /** `page_ref_count()` of the first page of a block. */
  readonly refcount: Int32Array;

  constructor(memory: PhysicalMemory) {
    this.count = memory.pages;
    this.state = new Uint8Array(this.count);
    this.order = new Uint8Array(this.count);
    this.flags = new Uint8Array(this.count);
    this.refcount = new Int32Array(this.count);
  }

  /** Sets the state of a whole block: `head` for its first page, `tail` for the others. */
  mark(pfn: number, order: number, head: number, tail: number): void {
    this.state[pfn] = head;
    this.order[pfn] = order;
    if (order > 0) this.state.fill(tail, pfn + 1, pfn + 2 ** order);
  }

  /** Whether no owner has the page. */
  isFree(pfn: number): boolean {
    const state = this.state[pfn] as number;
    return state >= PAGE_STATE.buddy && state <= PAGE_STATE.perCpuTail;
  }

  /** First page of the block that `pfn` lies in, on the free lists of the buddy allocator; -1 if it is not there. */
  buddyHead(pfn: number, largestOrder: number): number {
    for (let order = 0; order <= largestOrder; order++) {
      const head = pfn - (pfn % 2 ** order);
      if (this.state[head] === PAGE_STATE.buddy && (this.order[head] as number) >= order) {
        return head + 2 ** (this.order[head] as number) > pfn ? head : -1;
      }
    }
    return -1;
  }
}
