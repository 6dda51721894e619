import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';

/** What is believed of one page_pool. */
export interface Pool {
  /** The device that its pages are mapped for; {@link UNKNOWN} until an event tells. */
  device: number;
  /** Pages that it ever took and gave up, as the kernel counts them. */
  held: number;
  released: number;
  /** Entry of `page_pool_destroy()`, or the first attempt to go. */
  destroyed: Moment | undefined;
}

/**
 * The page_pools, and which pages each holds: from `page_pool_state_hold` to `page_pool_state_release`, which is when a
 * page enters and leaves the pool, not each time that it is used again (net/core/page_pool.c).
 */
export class Pools {
  private readonly byId = new Map<number, Pool>();
  /** Record of the pool page at each page frame number. */
  private readonly byPage = new Map<number, number>();
  /**
   * Records of pages that were freed behind their pool and are held by another, oldest first: the page is no longer the
   * pool's, but the mapping that it made of it still is.
   */
  private readonly displaced = new Map<number, number[]>();
  private pool: Int32Array = new Int32Array(INITIAL_RECORDS);
  private readonly moments = new MomentColumns();
  private end = 1;
  private readonly free: number[] = [];

  /** Pages that any pool holds. */
  get pagesHeld(): number {
    return this.byPage.size;
  }

  /** No pool holds a page or has lost one to another. */
  get isEmpty(): boolean {
    return this.byPage.size === 0 && this.displaced.size === 0;
  }

  get(id: number): Pool | undefined {
    return this.byId.get(id);
  }

  /** The pool that holds a page, or {@link UNKNOWN}. */
  holderOf(pfn: number): number {
    const record = this.byPage.get(pfn);
    return record === undefined ? UNKNOWN : (this.pool[record] as number);
  }

  /**
   * The pool that a mapping of the page belongs to, or {@link UNKNOWN}. A pool maps a page right before it holds it: of
   * several that have held the page, it is the first that did after the mapping was made.
   */
  holderOfMapping(pfn: number, madeNs: number): number {
    for (const record of this.displaced.get(pfn) ?? []) {
      if (this.moments.timeOf(record) >= madeNs) return this.pool[record] as number;
    }
    return this.holderOf(pfn);
  }

  /** When the page entered the pool that holds it. */
  heldSince(pfn: number): Moment | undefined {
    const record = this.byPage.get(pfn);
    return record === undefined ? undefined : this.moments.get(record);
  }

  /** Pages that a pool holds, in no particular order. Looks at the pages of all pools: for findings only. */
  pagesOf(id: number): number[] {
    return [...this.byPage].filter(([, record]) => this.pool[record] === id).map(([pfn]) => pfn);
  }

  /** The pools of a device. */
  ofDevice(device: number): number[] {
    return [...this.byId].filter(([, pool]) => pool.device === device).map(([id]) => id);
  }

  /** A new pool, at an address that a former one may have had. */
  create(id: number, device: number): void {
    this.forget(id);
    this.byId.set(id, newPool(device));
  }

  /** @param device for which the page was mapped right before, or {@link UNKNOWN} */
  hold(at: Readonly<Moment>, id: number, pfn: number, count: number, device: number): void {
    const pool = this.known(id);
    pool.held = count;
    if (pool.device === UNKNOWN) pool.device = device;
    // Memory that is no page, of a memory provider, has the number 0.
    if (pfn === 0) return;
    const former = this.byPage.get(pfn);
    if (former !== undefined) this.displace(pfn, former);
    const record = this.free.pop() ?? this.newRecord();
    this.byPage.set(pfn, record);
    this.pool[record] = id;
    this.moments.set(record, at);
  }

  release(id: number, pfn: number, count: number): void {
    this.known(id).released = count;
    if (this.holderOf(pfn) === id) this.drop(pfn);
  }

  /** One record of a pool is enough: what it mapped before is its own as well. */
  private displace(pfn: number, former: number): void {
    const others = this.displacedOfOthers(pfn, this.pool[former] as number);
    this.displaced.set(pfn, [...others, former]);
  }

  /** Records of a page that other pools than this one have lost; those of this pool are free. */
  private displacedOfOthers(pfn: number, id: number): number[] {
    const records = this.displaced.get(pfn) ?? [];
    this.free.push(...records.filter(record => this.pool[record] === id));
    return records.filter(record => this.pool[record] !== id);
  }

  destroy(at: Readonly<Moment>, id: number): void {
    const pool = this.known(id);
    pool.destroyed ??= copyMoment(at);
  }

  /** The pool tried to go; with nothing in flight it is gone. */
  shutdown(at: Readonly<Moment>, id: number, inflight: number): void {
    if (inflight === 0) this.forget(id);
    else this.destroy(at, id);
  }

  private known(id: number): Pool {
    let pool = this.byId.get(id);
    if (!pool) {
      pool = newPool(UNKNOWN);
      this.byId.set(id, pool);
    }
    return pool;
  }

  private forget(id: number): void {
    if (!this.byId.delete(id)) return;
    for (const pfn of this.pagesOf(id)) this.drop(pfn);
    for (const pfn of this.displaced.keys()) {
      const others = this.displacedOfOthers(pfn, id);
      if (others.length > 0) this.displaced.set(pfn, others);
      else this.displaced.delete(pfn);
    }
  }

  private drop(pfn: number): void {
    const record = this.byPage.get(pfn);
    if (record === undefined) return;
    this.byPage.delete(pfn);
    this.free.push(record);
  }

  private newRecord(): number {
    const record = this.end++;
    if (record === this.pool.length) {
      const size = this.pool.length * 2;
      this.pool = grownInts(this.pool, size);
      this.moments.grow(size);
    }
    return record;
  }
}

function newPool(device: number): Pool {
  return { device, held: 0, released: 0, destroyed: undefined };
}
