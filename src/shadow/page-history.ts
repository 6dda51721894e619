import type { Moment } from '../kernel/moment.ts';
import { grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';

/** What the last event of a page said. `unknown`: none was seen. */
export type PageState = 'unknown' | 'allocated' | 'free';

const STATES: readonly PageState[] = ['unknown', 'allocated', 'free'];
const ALLOCATED = 1;
const FREE = 2;

const CHUNK_SHIFT = 9;
const CHUNK_PAGES = 1 << CHUNK_SHIFT;

/** Larger blocks do not exist; an order above this comes from a damaged trace. 1 GiB hugetlb pages have order 18. */
export const LARGEST_ORDER = 20;

interface Chunk {
  readonly state: Uint8Array;
  /** Record of the last allocation and of the last free of each page, 0 for none. */
  readonly allocated: Int32Array;
  readonly freed: Int32Array;
}

/**
 * The last allocation and the last free of each page, in pages of the kernel's size: who had it before a finding.
 *
 * An event of `2^order` pages is one record that its pages share; it is reused when the last of them has had
 * another event. Memory grows with the pages touched, not with the length of the trace.
 */
export class PageHistory {
  private readonly chunks = new Map<number, Chunk>();
  private readonly records = new EventRecords();
  private lastKey = -1;
  private lastChunk: Chunk | undefined;

  pageAlloc(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, ALLOCATED);
  }

  pageFree(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, FREE);
  }

  state(pfn: number): PageState {
    const chunk = this.chunks.get(Math.floor(pfn / CHUNK_PAGES));
    return STATES[chunk?.state[pfn % CHUNK_PAGES] ?? 0] as PageState;
  }

  /** When and by whom the page was last handed out, if that was seen. */
  lastAlloc(pfn: number): Moment | undefined {
    const chunk = this.chunks.get(Math.floor(pfn / CHUNK_PAGES));
    return this.records.moment(chunk?.allocated[pfn % CHUNK_PAGES] ?? 0);
  }

  lastFree(pfn: number): Moment | undefined {
    const chunk = this.chunks.get(Math.floor(pfn / CHUNK_PAGES));
    return this.records.moment(chunk?.freed[pfn % CHUNK_PAGES] ?? 0);
  }

  private note(at: Readonly<Moment>, pfn: number, order: number, state: number): void {
    if (order > LARGEST_ORDER) return;
    const pages = 2 ** order;
    const record = this.records.add(at, pages);
    for (let done = 0; done < pages; ) {
      const page = pfn + done;
      const chunk = this.chunk(Math.floor(page / CHUNK_PAGES));
      const first = page % CHUNK_PAGES;
      const last = Math.min(CHUNK_PAGES, first + pages - done);
      const column = state === ALLOCATED ? chunk.allocated : chunk.freed;
      for (let i = first; i < last; i++) {
        const before = column[i] as number;
        if (before !== 0) this.records.release(before);
        column[i] = record;
      }
      chunk.state.fill(state, first, last);
      done += last - first;
    }
  }

  private chunk(key: number): Chunk {
    if (key === this.lastKey && this.lastChunk) return this.lastChunk;
    let chunk = this.chunks.get(key);
    if (!chunk) {
      chunk = {
        state: new Uint8Array(CHUNK_PAGES),
        allocated: new Int32Array(CHUNK_PAGES),
        freed: new Int32Array(CHUNK_PAGES),
      };
      this.chunks.set(key, chunk);
    }
    this.lastKey = key;
    this.lastChunk = chunk;
    return chunk;
  }
}

/** Moments that each a number of pages share. Record 0 is none. */
class EventRecords {
  private readonly moments = new MomentColumns();
  private users = new Int32Array(INITIAL_RECORDS);
  private end = 1;
  private readonly free: number[] = [];

  add(at: Readonly<Moment>, users: number): number {
    let record = this.free.pop();
    if (record === undefined) {
      record = this.end++;
      if (record === this.users.length) {
        const size = this.users.length * 2;
        this.users = grownInts(this.users, size);
        this.moments.grow(size);
      }
    }
    this.moments.set(record, at);
    this.users[record] = users;
    return record;
  }

  release(record: number): void {
    const users = (this.users[record] as number) - 1;
    this.users[record] = users;
    if (users === 0) this.free.push(record);
  }

  moment(record: number): Moment | undefined {
    return record === 0 ? undefined : this.moments.get(record);
  }
}
