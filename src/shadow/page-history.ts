import type { Moment } from '../kernel/moment.ts';
import type { Store } from '../kernel/store.ts';
import { PageLines, PFN_LIMIT } from './page-lines.ts';

/** What the last event of a page said. `unknown`: none was seen. */
export type PageState = 'unknown' | 'allocated' | 'free';

/** Larger blocks do not exist; an order above this comes from a damaged trace. 1 GiB hugetlb pages have order 18. */
export const LARGEST_ORDER = 20;

const ALLOC = 0;
const FREE = 1;

/** The last event of a kind that a page has had: in which line, and when. */
interface Last {
  readonly line: number;
  readonly timeNs: number;
}

/**
 * The last allocation and the last free of each page, in pages of the kernel's size: who had it before a finding.
 *
 * Events are noted for the block of `2^order` pages that they are of, in one line of {@link PageLines} however large it is:
 * a page may be in as many blocks as there are orders, and its last event is the latest of theirs. So to note one costs
 * the same for all, and to look one up, which findings do, is to look in some places. Memory grows with the blocks touched,
 * not with the length of the trace.
 */
export class PageHistory {
  readonly lines = new PageLines();
  /** Orders that any block had, a bit for each. */
  orders = 0;

  pageAlloc(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, ALLOC);
  }

  pageFree(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, FREE);
  }

  state(pfn: number): PageState {
    const allocated = this.last(pfn, ALLOC);
    const freed = this.last(pfn, FREE);
    if (!allocated) return freed ? 'free' : 'unknown';
    if (!freed) return 'allocated';
    const isAllocated =
      allocated.line === freed.line
        ? this.lines.isLater(allocated.line, ALLOC)
        : allocated.timeNs >= freed.timeNs;
    return isAllocated ? 'allocated' : 'free';
  }

  /** When and by whom the page was last handed out, if that was seen. */
  lastAlloc(pfn: number): Moment | undefined {
    return this.moment(pfn, ALLOC);
  }

  lastFree(pfn: number): Moment | undefined {
    return this.moment(pfn, FREE);
  }

  /** Bytes of all lines, used or not. For tests and statistics. */
  get bytes(): number {
    return this.lines.bytes;
  }

  /** Gives the lines their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.lines.moveTo(store);
  }

  private note(at: Readonly<Moment>, pfn: number, order: number, which: number): void {
    if (order > LARGEST_ORDER || pfn >= PFN_LIMIT) return;
    // Of a block that does not begin where one can, which no kernel has, the largest that do.
    const end = pfn + 2 ** order;
    for (let first = pfn; first < end; ) {
      let part = order;
      while (first % 2 ** part !== 0 || first + 2 ** part > end) part--;
      this.orders |= 1 << part;
      this.lines.note(at, first, part, which);
      first += 2 ** part;
    }
  }

  private moment(pfn: number, which: number): Moment | undefined {
    const last = this.last(pfn, which);
    return last && this.lines.momentOf(last.line, which);
  }

  /** The latest event of any block that the page is in. */
  private last(pfn: number, which: number): Last | undefined {
    let last: Last | undefined;
    for (let order = 0; this.orders >> order !== 0; order++) {
      if (((this.orders >> order) & 1) === 0) continue;
      const line = this.lines.find(pfn - (pfn % 2 ** order), order);
      const timeNs = line < 0 ? undefined : this.lines.timeOf(line, which);
      if (timeNs !== undefined && !(last && last.timeNs > timeNs)) last = { line, timeNs };
    }
    return last;
  }
}
