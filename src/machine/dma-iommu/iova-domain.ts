import { IovaRcache, rcacheOrder } from './iova-rcache.ts';
import { IovaTree } from './iova-tree.ts';

export interface IovaDomainOptions {
  /** Bytes of the smallest page of the domain, as a shift: the unit of all IOVA pages here. */
  readonly granuleShift: number;
  /** First page that is handed out; at least 1, because IOVA 0 never is. */
  readonly startPage?: number;
  readonly cpus?: number;
}

/**
 * `struct iova_domain` (drivers/iommu/iova.c, Linux 7.2): hands out IOVAs from the top downwards, each aligned to its
 * size rounded up to a power of two, through caches per CPU for small sizes.
 */
export class IovaDomain {
  readonly granuleShift: number;
  private readonly startPage: number;
  private readonly tree = new IovaTree();
  private readonly rcache: IovaRcache;
  /** First page beyond 32-bit addresses. */
  private readonly page32: number;
  /** `cached_node` and `cached32_node`: first page of the last allocation beyond 32 bits, and below; Infinity at first. */
  private cached = Number.POSITIVE_INFINITY;
  private cached32 = Number.POSITIVE_INFINITY;
  /** An allocation of this size has failed, and nothing in 32 bits was freed since. */
  private max32AllocSize: number;

  constructor({ granuleShift, startPage = 1, cpus = 1 }: IovaDomainOptions) {
    this.granuleShift = granuleShift;
    this.startPage = Math.max(1, startPage);
    this.page32 = 2 ** (32 - granuleShift);
    this.max32AllocSize = this.page32;
    this.rcache = new IovaRcache(cpus, page => this.freeRange(page));
  }

  /** `reserve_iova()`: pages that are never handed out, such as the window of the MSI doorbell. */
  reserve(low: number, high: number): void {
    this.tree.insert(low, high);
  }

  /**
   * `alloc_iova_fast()`.
   *
   * @param limitPage last page that may be handed out
   * @param flushRcache whether the caches are emptied where nothing else is left
   * @returns the first page, or 0 where there is no room
   */
  allocFast(cpu: number, pages: number, limitPage: number, flushRcache: boolean): number {
    const order = rcacheOrder(pages);
    const size = order === undefined ? pages : 2 ** order;
    if (order !== undefined) {
      const cached = this.rcache.get(cpu, order, limitPage + 1 - size);
      if (cached !== 0) return cached;
    }
    const page = this.alloc(size, limitPage);
    if (page !== 0 || !flushRcache) return page;
    this.rcache.flush();
    return this.alloc(size, limitPage);
  }

  /** `free_iova_fast()`: small ranges go to the cache of the CPU. */
  freeFast(cpu: number, page: number, pages: number): void {
    const order = rcacheOrder(pages);
    if (order === undefined) this.freeRange(page);
    else this.rcache.put(cpu, order, page);
  }

  /** `iova_depot_work_func()`: whole magazines beyond one per CPU go back. */
  trimDepots(): void {
    this.rcache.trim();
  }

  /** Ranges that are taken, those that lie in caches too. */
  get taken(): readonly { readonly low: number; readonly high: number }[] {
    return this.tree.ranges();
  }

  /** `__alloc_and_insert_iova_range()` */
  private alloc(size: number, limitPage: number): number {
    const limit = limitPage + 1;
    if (limit < this.page32 && size >= this.max32AllocSize) return 0;
    // __get_cached_rbnode(): the search begins below the last allocation; what was freed above it comes second.
    const begin = Math.min(limit, limit <= this.page32 ? this.cached32 : this.cached);
    let page = this.searchBelow(begin, size, this.startPage);
    if (page === undefined && begin < limit) page = this.searchBelow(limit, size, begin);
    if (page === undefined) {
      this.max32AllocSize = size;
      return 0;
    }
    this.tree.insert(page, page + size - 1);
    if (page + size - 1 < this.page32) this.cached32 = page;
    else this.cached = page;
    return page;
  }

  /** The highest aligned place for `size` pages below `limit` that is not below `lowest`. */
  private searchBelow(limit: number, size: number, lowest: number): number | undefined {
    const align = 2 ** Math.ceil(Math.log2(size));
    let high = limit;
    for (let each = this.lastBeginningBelow(limit); ; each--) {
      const page = Math.floor((high - size) / align) * align;
      if (page < lowest) return undefined;
      if (each < 0 || page > this.tree.high(each)) return page;
      high = Math.min(high, this.tree.low(each));
    }
  }

  private lastBeginningBelow(limit: number): number {
    const next = this.tree.firstEndingAt(limit);
    return next < this.tree.size && this.tree.low(next) < limit ? next : next - 1;
  }

  /** `__free_iova()` and `__cached_rbnode_delete_update()`: the next search begins above what was freed. */
  private freeRange(page: number): void {
    const index = this.tree.find(page);
    if (index < 0) throw new Error(`IOVA page ${page} is freed, but is not taken`);
    const above = index + 1 < this.tree.size ? this.tree.low(index + 1) : Number.POSITIVE_INFINITY;
    if (this.tree.high(index) < this.page32 && page >= this.cached32) this.cached32 = above;
    if (page < this.page32) this.max32AllocSize = this.page32;
    if (page >= this.cached) this.cached = above;
    this.tree.remove(index);
  }
}
