/** `IOVA_RANGE_CACHE_MAX_SIZE`: sizes of 1 to 2^5 pages are cached. */
const ORDERS = 6;

/** `IOVA_MAG_SIZE` */
const MAGAZINE_SIZE = 127;

interface CpuCache {
  loaded: number[];
  previous: number[];
}

interface OrderCache {
  readonly cpus: CpuCache[];
  /** Full magazines that belong to no CPU. */
  readonly depot: number[][];
}

/** Which cache a size belongs to, rounded up to a power of two; `undefined` for what is too large to be cached. */
export function rcacheOrder(pages: number): number | undefined {
  const order = Math.ceil(Math.log2(pages));
  return order < ORDERS ? order : undefined;
}

/**
 * `struct iova_rcache` (drivers/iommu/iova.c, Linux 7.2): freed IOVAs are kept in magazines per CPU and size, the last
 * one freed is the first one handed out again. That shapes every trace: a driver that maps and unmaps in a loop sees one
 * IOVA.
 */
export class IovaRcache {
  private readonly orders: readonly OrderCache[];
  private readonly release: (page: number) => void;

  /** @param release frees a page for good that no cache has room for */
  constructor(cpus: number, release: (page: number) => void) {
    this.release = release;
    this.orders = Array.from({ length: ORDERS }, () => ({
      cpus: Array.from({ length: cpus }, () => ({ loaded: [], previous: [] })),
      depot: [],
    }));
  }

  /** `__iova_rcache_get()`. @returns a page not above `limit`, or 0 */
  get(cpu: number, order: number, limit: number): number {
    const { cpus, depot } = this.orders[order] as OrderCache;
    const own = cpus[cpu] as CpuCache;
    if (own.loaded.length === 0) {
      if (own.previous.length > 0) swap(own);
      else own.loaded = depot.pop() ?? own.loaded;
    }
    return popBelow(own.loaded, limit);
  }

  /** `__iova_rcache_insert()` */
  put(cpu: number, order: number, page: number): void {
    const { cpus, depot } = this.orders[order] as OrderCache;
    const own = cpus[cpu] as CpuCache;
    if (own.loaded.length === MAGAZINE_SIZE) {
      if (own.previous.length < MAGAZINE_SIZE) {
        swap(own);
      } else {
        depot.push(own.loaded);
        own.loaded = [];
      }
    }
    own.loaded.push(page);
  }

  /** `iova_depot_work_func()`, run to its end: a depot keeps as many magazines as there are CPUs. */
  trim(): void {
    for (const { cpus, depot } of this.orders) {
      while (depot.length > cpus.length) for (const page of depot.pop() ?? []) this.release(page);
    }
  }

  /** `free_cpu_cached_iovas()` of all CPUs and `free_global_cached_iovas()`. */
  flush(): void {
    for (const { cpus, depot } of this.orders) {
      for (const own of cpus) {
        for (const page of [...own.loaded, ...own.previous]) this.release(page);
        own.loaded = [];
        own.previous = [];
      }
      for (const magazine of depot) for (const page of magazine) this.release(page);
      depot.length = 0;
    }
  }
}

function swap(cache: CpuCache): void {
  const { loaded } = cache;
  cache.loaded = cache.previous;
  cache.previous = loaded;
}

/** `iova_magazine_pop()`: the last one that is low enough; the last of all takes its place. */
function popBelow(magazine: number[], limit: number): number {
  for (let index = magazine.length - 1; index >= 0; index--) {
    const page = magazine[index] as number;
    if (page > limit) continue;
    const last = magazine.pop() as number;
    if (index < magazine.length) magazine[index] = last;
    return page;
  }
  return 0;
}
