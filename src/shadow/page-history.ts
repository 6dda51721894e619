import type { Moment } from '../kernel/moment.ts';
import { grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';

/** What the last event of a page said. `unknown`: none was seen. */
export type PageState = 'unknown' | 'allocated' | 'free';

const STATES: readonly PageState[] = ['unknown', 'allocated', 'free'];
const ALLOCATED = 1;
const FREE = 2;

const CHUNK_PAGES = 512;

/** Larger blocks do not exist; an order above this comes from a damaged trace. 1 GiB hugetlb pages have order 18. */
export const LARGEST_ORDER = 20;

/** Chunks that the columns begin with room for. */
const INITIAL_CHUNKS = 16;

/**
 * The last allocation and the last free of each page, in pages of the kernel's size: who had it before a finding.
 *
 * An event of `2^order` pages is one record that its pages share; it is reused when the last of them has had
 * another event. Memory grows with the pages touched, not with the length of the trace.
 */
export class PageHistory {
  /** Rows of the columns are given out in chunks: the first row of each chunk by `pfn / 512`. */
  private readonly chunks = new Map<number, number>();
  /** Of each page: its state, and the records of its last allocation and of its last free, 0 for none. */
  private states = new Uint8Array(INITIAL_CHUNKS * CHUNK_PAGES);
  private allocated = new Int32Array(INITIAL_CHUNKS * CHUNK_PAGES);
  private freed = new Int32Array(INITIAL_CHUNKS * CHUNK_PAGES);
  private readonly records = new EventRecords();
  private lastKey = -1;
  private lastRow = 0;

  pageAlloc(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, ALLOCATED);
  }

  pageFree(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, FREE);
  }

  state(pfn: number): PageState {
    const row = this.findRow(pfn);
    return STATES[row < 0 ? 0 : (this.states[row] as number)] as PageState;
  }

  /** When and by whom the page was last handed out, if that was seen. */
  lastAlloc(pfn: number): Moment | undefined {
    const row = this.findRow(pfn);
    return row < 0 ? undefined : this.records.moment(this.allocated[row] as number);
  }

  lastFree(pfn: number): Moment | undefined {
    const row = this.findRow(pfn);
    return row < 0 ? undefined : this.records.moment(this.freed[row] as number);
  }

  private note(at: Readonly<Moment>, pfn: number, order: number, state: number): void {
    if (order > LARGEST_ORDER) return;
    const pages = 2 ** order;
    const record = this.records.add(at, pages);
    for (let done = 0; done < pages; ) {
      const row = this.rowOf(pfn + done);
      const end = Math.min(row + pages - done, (row | (CHUNK_PAGES - 1)) + 1);
      const column = state === ALLOCATED ? this.allocated : this.freed;
      for (let i = row; i < end; i++) {
        const before = column[i] as number;
        if (before !== 0) this.records.release(before);
        column[i] = record;
        this.states[i] = state;
      }
      done += end - row;
    }
  }

  /** The row of a page that has had an event; -1 where it can have none. */
  private findRow(pfn: number): number {
    const first = this.chunks.get(Math.floor(pfn / CHUNK_PAGES));
    return first === undefined ? -1 : first + (pfn % CHUNK_PAGES);
  }

  private rowOf(pfn: number): number {
    const key = Math.floor(pfn / CHUNK_PAGES);
    if (key !== this.lastKey) {
      this.lastRow = this.chunks.get(key) ?? this.addChunk(key);
      this.lastKey = key;
    }
    return this.lastRow + (pfn % CHUNK_PAGES);
  }

  private addChunk(key: number): number {
    const first = this.chunks.size * CHUNK_PAGES;
    this.chunks.set(key, first);
    if (first === this.states.length) {
      const states = new Uint8Array(first * 2);
      states.set(this.states);
      this.states = states;
      this.allocated = grownInts(this.allocated, first * 2);
      this.freed = grownInts(this.freed, first * 2);
    }
    return first;
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
