import type { Moment } from '../kernel/moment.ts';
import { OWN_MEMORY, type Store } from '../kernel/store.ts';
import { grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';
import { IdStack } from './id-stack.ts';
import { PageRows } from './page-rows.ts';

/** What the last event of a page said. `unknown`: none was seen. */
export type PageState = 'unknown' | 'allocated' | 'free';

/** Larger blocks do not exist; an order above this comes from a damaged trace. 1 GiB hugetlb pages have order 18. */
export const LARGEST_ORDER = 20;

/** Of a word of a page: it is the later one of the two; no other page shares its record. The record is in the bits above. */
const LATER = 1;
const SOLE = 2;
const RECORD_SHIFT = 2;

/** Pages of 2 MiB, and its order: what comes and goes in such blocks is kept for the block, not for each page. */
const BLOCK_PAGES = 512;
const BLOCK_ORDER = 9;

/** Groups of {@link PageRows} that a smaller event can be in. */
const MOST_GROUPS = 40;

/**
 * The last allocation and the last free of each page, in pages of the kernel's size: who had it before a finding.
 *
 * An event of `2^order` pages is one record that its pages share; it is reused when the last of them has had
 * another event. A page that comes and goes alone keeps two records for itself, side by side, of which the second one is
 * made with the first. Memory grows with the pages touched, not with the length of the trace. The pages of a kernel come
 * and go in no order, so what belongs to one lies together: an event touches a line of {@link PageRows} and a record.
 *
 * An event of whole blocks of 2 MiB is noted for each block. What a page has had since is in the words of the page, and
 * counts first: the event of a block takes from the words of its pages what it replaces.
 */
export class PageHistory {
  /** Two words for each page, for its last allocation and its last free: {@link LATER}, {@link SOLE}, and the record. */
  readonly rows = new PageRows();
  /** The same for each block, by its number. */
  readonly blocks = new PageRows();
  readonly records = new EventRecords();
  private readonly found = new Int32Array(MOST_GROUPS);

  pageAlloc(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, 0);
  }

  pageFree(at: Readonly<Moment>, pfn: number, order: number): void {
    this.note(at, pfn, order, 1);
  }

  state(pfn: number): PageState {
    const own = stateIn(this.rows, pfn);
    return own === 'unknown' ? stateIn(this.blocks, Math.floor(pfn / BLOCK_PAGES)) : own;
  }

  /** When and by whom the page was last handed out, if that was seen. */
  lastAlloc(pfn: number): Moment | undefined {
    return this.last(pfn, 0);
  }

  lastFree(pfn: number): Moment | undefined {
    return this.last(pfn, 1);
  }

  /** Bytes of rows and records. For tests and statistics. */
  get bytes(): number {
    return this.rows.bytes + this.blocks.bytes + this.records.bytes;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.rows.moveTo(store);
    this.blocks.moveTo(store);
    this.records.moveTo(store);
  }

  private last(pfn: number, which: number): Moment | undefined {
    const { records, rows, blocks } = this;
    return (
      records.moment(recordIn(rows, pfn, which)) ??
      records.moment(recordIn(blocks, Math.floor(pfn / BLOCK_PAGES), which))
    );
  }

  /** @param which 0 for an allocation, 1 for a free */
  private note(at: Readonly<Moment>, pfn: number, order: number, which: number): void {
    if (order > LARGEST_ORDER) return;
    if (order === 0) {
      this.noteOne(at, this.rows, pfn, which);
      return;
    }
    const end = pfn + 2 ** order;
    const firstBlock = Math.ceil(pfn / BLOCK_PAGES);
    if (order < BLOCK_ORDER || firstBlock * BLOCK_PAGES !== pfn) {
      for (let first = pfn; first < end; first += BLOCK_PAGES / 2) {
        this.noteMany(at, first, Math.min(end - first, BLOCK_PAGES / 2), which);
      }
      return;
    }
    for (let block = firstBlock; block * BLOCK_PAGES < end; block++) {
      this.forget(block * BLOCK_PAGES, which);
      this.noteOne(at, this.blocks, block, which);
    }
  }

  /** Notes an event of a page, or of a block, in a record that is its own. */
  private noteOne(at: Readonly<Moment>, rows: PageRows, number: number, which: number): void {
    const row = rows.findOrAdd(number);
    const { words } = rows;
    const { records } = this;
    const own = words[row + which] as number;
    const other = words[row + 1 - which] as number;
    let record = own >> RECORD_SHIFT;
    if ((own & SOLE) === 0) {
      const isNew = own === 0 && other === 0 && !records.hasFree;
      if (own !== 0) records.release(record);
      record = isNew ? records.addPair(which) : records.add(1);
      if (isNew) words[row + 1 - which] = ((record ^ 1) << RECORD_SHIFT) | SOLE;
    }
    records.moments.set(record, at);
    words[row + which] = (record << RECORD_SHIFT) | SOLE | LATER;
    words[row + 1 - which] = (words[row + 1 - which] as number) & ~LATER;
  }

  /** Notes an event of some pages in a record that they share: that of the event before, where it was of the same pages. */
  private noteMany(at: Readonly<Moment>, pfn: number, pages: number, which: number): void {
    const { records, rows, found } = this;
    rows.reserve(MOST_GROUPS);
    let groups = 0;
    for (let done = 0; done < pages; done += rows.pagesFrom(pfn + done)) {
      found[groups++] = rows.findOrAdd(pfn + done);
    }
    const { words } = rows;
    const first = words[(found[0] as number) + which] as number;
    let record = (first & SOLE) === 0 ? first >> RECORD_SHIFT : 0;
    if (record !== 0 && (records.users[record] !== pages || !this.haveAll(pfn, pages, which, record)))
      record = 0;
    const isNew = record === 0;
    if (isNew) record = records.add(pages);
    records.moments.set(record, at);
    for (let group = 0, done = 0; group < groups; group++) {
      const row = found[group] as number;
      const count = Math.min(pages - done, rows.pagesFrom(pfn + done));
      for (let word = row; word < row + 2 * count; word += 2) {
        if (isNew) records.leave(words[word + which] as number);
        words[word + which] = (record << RECORD_SHIFT) | LATER;
        words[word + 1 - which] = (words[word + 1 - which] as number) & ~LATER;
      }
      done += count;
    }
  }

  /** Whether all of these pages, whose rows were just found, have the record. */
  private haveAll(pfn: number, pages: number, which: number, record: number): boolean {
    const { words } = this.rows;
    for (let group = 0, done = 0; done < pages; group++) {
      const row = this.found[group] as number;
      const count = Math.min(pages - done, this.rows.pagesFrom(pfn + done));
      for (let word = row + which; word < row + 2 * count; word += 2) {
        if ((words[word] as number) >> RECORD_SHIFT !== record) return false;
      }
      done += count;
    }
    return true;
  }

  /** An event of a block takes the place of those that its pages have had. */
  private forget(pfn: number, which: number): void {
    const { rows, records } = this;
    if (rows.groups === 0) return;
    for (let done = 0; done < BLOCK_PAGES; ) {
      const row = rows.find(pfn + done);
      const count = Math.min(BLOCK_PAGES - done, rows.pagesFrom(pfn + done));
      done += count;
      if (row < 0) continue;
      const { words } = rows;
      for (let word = row; word < row + 2 * count; word += 2) {
        const own = words[word + which] as number;
        words[word + 1 - which] = (words[word + 1 - which] as number) & ~LATER;
        if ((own & SOLE) === 0) {
          records.leave(own);
          words[word + which] = 0;
        } else {
          records.moments.clear(own >> RECORD_SHIFT);
          words[word + which] = own & ~LATER;
        }
      }
    }
  }
}

function stateIn(rows: PageRows, number: number): PageState {
  const row = rows.find(number);
  if (row < 0) return 'unknown';
  if (((rows.words[row] as number) & LATER) !== 0) return 'allocated';
  return ((rows.words[row + 1] as number) & LATER) !== 0 ? 'free' : 'unknown';
}

function recordIn(rows: PageRows, number: number, which: number): number {
  const row = rows.find(number);
  return row < 0 ? 0 : (rows.words[row + which] as number) >> RECORD_SHIFT;
}

/** Moments that each a number of pages share. Record 0 is none. */
class EventRecords {
  readonly moments = new MomentColumns();
  /** Pages of each record that have had no other event since; not kept of the record of a single page. */
  users: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Records below this are in use or free. Even: pairs begin with an even one. */
  end = 2;
  readonly free = new IdStack();
  private store = OWN_MEMORY;

  /** A record that so many pages share. */
  add(users: number): number {
    let record = this.free.pop();
    if (record === 0) {
      record = this.takePair();
      this.free.push(record + 1);
    }
    this.users[record] = users;
    return record;
  }

  /** Two records side by side, the even one for allocations; returns that for `which`, the other one tells of nothing yet. */
  addPair(which: number): number {
    const pair = this.takePair();
    this.moments.clear(pair + 1 - which);
    return pair + which;
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

  /** A page has a word no more. */
  leave(word: number): void {
    if ((word & SOLE) !== 0) this.free.push(word >> RECORD_SHIFT);
    else if (word !== 0) this.release(word >> RECORD_SHIFT);
  }

  /** Whether a record is free for use. */
  get hasFree(): boolean {
    return this.free.words[0] !== 0;
  }

  release(record: number): void {
    const users = (this.users[record] as number) - 1;
    this.users[record] = users;
    if (users === 0) this.free.push(record);
  }

  moment(record: number): Moment | undefined {
    return record === 0 || this.moments.isClear(record) ? undefined : this.moments.get(record);
  }

  private takePair(): number {
    const pair = this.end;
    this.end += 2;
    if (this.end > this.users.length) {
      const size = this.users.length * 2;
      this.users = grownInts(this.users, size, this.store);
      this.moments.grow(size);
    }
    return pair;
  }
}
