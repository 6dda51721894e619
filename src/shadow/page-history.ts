import type { Moment } from '../kernel/moment.ts';
import { OWN_MEMORY, type Store } from '../kernel/store.ts';
import { grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';
import { IdStack } from './id-stack.ts';

/** What the last event of a page said. `unknown`: none was seen. */
export type PageState = 'unknown' | 'allocated' | 'free';

/** So few that a page whose neighbours have no event costs little: pages of network cards are far apart. */
const CHUNK_PAGES = 32;

/** Larger blocks do not exist; an order above this comes from a damaged trace. 1 GiB hugetlb pages have order 18. */
export const LARGEST_ORDER = 20;

/** Chunks that the rows begin with room for. */
const INITIAL_CHUNKS = 256;

/** Chunks below this number, those of 1 TiB, are found in an array; the others in a map. */
const NEAR_CHUNKS = 2 ** 23;

/**
 * The last allocation and the last free of each page, in pages of the kernel's size: who had it before a finding.
 *
 * An event of `2^order` pages is one record that its pages share; it is reused when the last of them has had
 * another event. Memory grows with the pages touched, not with the length of the trace. The pages of a kernel come and
 * go in no order, so what belongs to one lies together: an event touches a row of 8 bytes and a record of 32.
 */
export class PageHistory {
  /** Two words for each page, for its last allocation and its last free: the record, doubled, plus 1 for the later one. */
  rows: Int32Array = new Int32Array(2 * INITIAL_CHUNKS * CHUNK_PAGES);
  /** Rows are given out in chunks, from 1 on: the chunk of each {@link CHUNK_PAGES}, 0 for none. */
  near: Int32Array = new Int32Array(1024);
  private readonly far = new Map<number, number>();
  private chunks = 1;
  readonly records = new EventRecords();
  private store = OWN_MEMORY;

  pageAlloc(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, 0);
  }

  pageFree(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, 1);
  }

  state(pfn: number): PageState {
    const row = this.findRow(pfn);
    if (row < 0 || (this.rows[row] === 0 && this.rows[row + 1] === 0)) return 'unknown';
    return ((this.rows[row] as number) & 1) === 1 ? 'allocated' : 'free';
  }

  /** When and by whom the page was last handed out, if that was seen. */
  lastAlloc(pfn: number): Moment | undefined {
    const row = this.findRow(pfn);
    return row < 0 ? undefined : this.records.moment((this.rows[row] as number) >> 1);
  }

  lastFree(pfn: number): Moment | undefined {
    const row = this.findRow(pfn);
    return row < 0 ? undefined : this.records.moment((this.rows[row + 1] as number) >> 1);
  }

  /** Bytes of rows and records. For tests and statistics. */
  get bytes(): number {
    return this.rows.byteLength + this.near.byteLength + this.records.bytes;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.rows = grownInts(this.rows, this.rows.length, store);
    this.near = grownInts(this.near, this.near.length, store);
    this.records.moveTo(store);
  }

  /** @param which 0 for an allocation, 1 for a free */
  private note(at: Readonly<Moment>, pfn: number, order: number, which: number): void {
    if (order > LARGEST_ORDER) return;
    if (order === 0 && this.noteAgain(at, pfn, which)) return;
    const pages = 2 ** order;
    const record = this.records.add(at, pages);
    for (let done = 0; done < pages; ) {
      const first = this.rowOf(pfn + done);
      const inChunk = (first >> 1) & (CHUNK_PAGES - 1);
      const count = Math.min(pages - done, CHUNK_PAGES - inChunk);
      const { rows } = this;
      for (let row = first; row < first + 2 * count; row += 2) {
        const before = (rows[row + which] as number) >> 1;
        if (before !== 0) this.records.release(before);
        rows[row + which] = record * 2 + 1;
        rows[row + 1 - which] = (rows[row + 1 - which] as number) & ~1;
      }
      done += count;
    }
  }

  /** Notes the event of a page in the record of the last one, where no other page shares that; `false` where one does. */
  private noteAgain(at: Readonly<Moment>, pfn: number, which: number): boolean {
    const row = this.findRow(pfn);
    if (row < 0) return false;
    const { rows, records } = this;
    const record = (rows[row + which] as number) >> 1;
    if (record === 0 || records.users[record] !== 1) return false;
    records.moments.set(record, at);
    rows[row + which] = record * 2 + 1;
    rows[row + 1 - which] = (rows[row + 1 - which] as number) & ~1;
    return true;
  }

  /** Where the row of a page begins; -1 where it has had no event. */
  private findRow(pfn: number): number {
    const key = Math.floor(pfn / CHUNK_PAGES);
    const { near } = this;
    const chunk = key < near.length ? (near[key] as number) : (this.far.get(key) ?? 0);
    return chunk === 0 ? -1 : 2 * (chunk * CHUNK_PAGES + pfn - key * CHUNK_PAGES);
  }

  private rowOf(pfn: number): number {
    const row = this.findRow(pfn);
    if (row >= 0) return row;
    this.addChunk(Math.floor(pfn / CHUNK_PAGES));
    return this.findRow(pfn);
  }

  private addChunk(key: number): void {
    const chunk = this.chunks++;
    if (key >= NEAR_CHUNKS) {
      this.far.set(key, chunk);
    } else {
      if (key >= this.near.length)
        this.near = grownInts(this.near, 2 ** Math.ceil(Math.log2(key + 1)), this.store);
      this.near[key] = chunk;
    }
    if (this.chunks * CHUNK_PAGES * 2 > this.rows.length)
      this.rows = grownInts(this.rows, this.rows.length * 2, this.store);
  }
}

/** Moments that each a number of pages share. Record 0 is none. */
class EventRecords {
  readonly moments = new MomentColumns();
  /** Pages of each record that have had no other event since. */
  users: Int32Array = new Int32Array(INITIAL_RECORDS);
  end = 1;
  readonly free = new IdStack();
  private store = OWN_MEMORY;

  add(at: Readonly<Moment>, users: number): number {
    let record = this.free.pop();
    if (record === 0) {
      record = this.end++;
      if (record === this.users.length) {
        const size = this.users.length * 2;
        this.users = grownInts(this.users, size, this.store);
        this.moments.grow(size);
      }
    }
    this.moments.set(record, at);
    this.users[record] = users;
    return record;
  }

  moveTo(store: Store): void {
    this.store = store;
    this.users = grownInts(this.users, this.users.length, store);
    this.moments.moveTo(store);
    this.free.moveTo(store);
  }

  get bytes(): number {
    return this.users.byteLength + this.moments.bytes;
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
