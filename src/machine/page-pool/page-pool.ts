import type { Device } from '../device/device.ts';
import { ATTR_SKIP_CPU_SYNC, ATTR_WEAK_ORDERING, type DmaApi, FROM_DEVICE } from '../dma-api/dma-api.ts';
import type { Emission } from '../events/emission.ts';
import type { KernelLog } from '../kernel-log.ts';
import { GFP_COMP, type PageAllocator } from '../memory/page-allocator.ts';
import type { Kernel } from '../threads/thread.ts';
import type { Timers } from '../time/timers.ts';
import type { PagePoolRules } from './designs.ts';
import type { PoolPages } from './pool-pages.ts';

/** `DEFER_TIME` and `DEFER_WARN_INTERVAL`, net/core/page_pool.c. */
const RETRY_NS = 1e9;
const WARN_NS = 60e9;

const UNMAP_ATTRS = ATTR_SKIP_CPU_SYNC | ATTR_WEAK_ORDERING;

/** Between the decision to unmap a page and the exchange that only one can win. */
export const POOL_STOP = { beforeExchange: 'page_pool: about to take the page’s mapping' } as const;

export interface PagePoolHost {
  readonly emission: Emission;
  readonly allocator: PageAllocator;
  readonly dma: DmaApi;
  readonly log: KernelLog;
  readonly timers: Timers;
  readonly pageSize: number;
  readonly rules: PagePoolRules;
  readonly pages: PoolPages;
}

export interface PagePoolOptions {
  /** Order of its pages; default 0. */
  readonly order?: number;
  /** Pages that are taken from the allocator at once (`PP_ALLOC_CACHE_REFILL`); default 1, for short stories. */
  readonly refill?: number;
  /** Pages that the ring holds; default 256. */
  readonly ringSize?: number;
  /** `PP_DMA_INDEX_BITS` is not 0, so that in-flight pages can be recorded; default true. */
  readonly hasIndexBits?: boolean;
  /** Memory that has no pages: a memory provider's `net_iov`. */
  readonly isProvider?: boolean;
}

/**
 * A page_pool: a cache and a ring of pages that stay mapped for the device while the pool has them, and while they are
 * in the network stack. net/core/page_pool.c, Linux 7.2, and the designs that were discussed before.
 */
export class PagePool {
  readonly id: number;
  readonly name: string;
  readonly device: Device;
  readonly order: number;
  /** The pool is gone: everything has come back. */
  isFreed = false;
  /** The next `xa_alloc()` finds no memory. */
  trackingFails = false;
  private readonly host: PagePoolHost;
  private readonly options: Required<PagePoolOptions>;
  private readonly cache: number[] = [];
  private readonly ring: number[] = [];
  /** `pool->dma_mapped`: pages whose mapping nobody has undone yet, by their index. */
  private readonly tracked = new Map<number, number>();
  private holdCount = 0;
  private releaseCount = 0;
  /** `user_cnt`: the driver, and XDP where it has registered the pool. */
  private users = 1;
  private isDestroyed = false;
  private isScrubbed = false;
  private readonly bornIn: number;
  private readonly owner: number;
  private destroyedNs = 0;

  /** @param owner of its pages, for the truth */
  constructor(
    host: PagePoolHost,
    id: number,
    name: string,
    device: Device,
    owner: number,
    options: PagePoolOptions,
  ) {
    this.host = host;
    this.owner = owner;
    this.id = id;
    this.name = name;
    this.device = device;
    this.order = options.order ?? 0;
    this.bornIn = device.binding;
    this.options = { order: 0, refill: 1, ringSize: 256, hasIndexBits: true, isProvider: false, ...options };
    const { emission } = host;
    emission.sink.poolCreate(emission.moment(), id, device.id);
  }

  /** `page_pool_get_dma_addr()`: stays in the page when its mapping has been undone. */
  dmaAddress(pfn: number): number {
    return this.host.pages.fieldsOf(pfn)?.address ?? 0;
  }

  /** The truth: pages that the pool has mapped and nobody has unmapped, with their DMA address. */
  mappedPages(): [pfn: number, address: number][] {
    return this.host.pages.mappedBy(this);
  }

  /** Pages that are out or in the pool: `pages_state_hold_cnt - pages_state_release_cnt`. */
  get inflight(): number {
    return this.holdCount - this.releaseCount;
  }

  /** `page_pool_alloc_pages()`: a mapped page, or -1. */
  *alloc(): Kernel<number> {
    const { emission } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('page_pool_alloc_netmems'));
    let pfn = this.cache.pop() ?? this.ring.shift();
    if (pfn === undefined) {
      yield* this.refill();
      pfn = this.cache.pop();
    }
    emission.leave(caller);
    return pfn ?? -1;
  }

  /** `page_pool_put_page()`: back into cache or ring, or out of the pool where others hold it, or there is no room. */
  *put(pfn: number): Kernel {
    const { emission, allocator } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('page_pool_put_unrefed_netmem'));
    const isSole =
      this.isProvider || !this.host.rules.recyclesOnlySole || allocator.frames.refcount[pfn] === 1;
    if (isSole && !this.isDestroyed && this.ring.length < this.options.ringSize) this.ring.push(pfn);
    else yield* this.release(pfn);
    emission.leave(caller);
  }

  /** XDP registers the pool as its memory model, and holds it until {@link unregisterXdp}. */
  registerXdp(): void {
    this.users++;
  }

  *unregisterXdp(): Kernel {
    yield* this.destroy();
  }

  /** `page_pool_destroy()`: does nothing while somebody else uses the pool. */
  *destroy(): Kernel {
    const { emission, timers } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('page_pool_destroy'));
    emission.sink.poolDestroy(emission.moment(), this.id);
    this.users--;
    if (this.users === 0 || !this.host.rules.waitsForXdp) {
      this.isDestroyed = true;
      this.destroyedNs = emission.now();
      yield* this.tryRelease();
      if (!this.isFreed) timers.after(RETRY_NS, () => this.retry());
    }
    emission.leave(caller);
  }

  /** `page_pool_release_retry()`: once a second, with a warning each minute. */
  private retry(): void {
    const { emission, log, timers } = this.host;
    // The alloc cache and the ring were emptied at the first try: what is left is only to be counted.
    const inflight = this.countInflight();
    if (inflight === 0) this.isFreed = true;
    if (this.isFreed) return;
    const age = emission.now() - this.destroyedNs;
    if (age >= WARN_NS && age % WARN_NS < RETRY_NS) {
      log.say(
        'warn',
        'page_pool_release_retry',
        `stalled pool shutdown: id ${this.id}, ${inflight} inflight`,
      );
    }
    timers.after(RETRY_NS, () => this.retry());
  }

  /** `page_pool_release()`: scrub, then count. */
  private *tryRelease(): Kernel {
    yield* this.scrub();
    if (this.countInflight() === 0) this.isFreed = true;
  }

  /** `page_pool_scrub()`: what the pool has itself goes; what is in flight is unmapped where it was recorded. */
  private *scrub(): Kernel {
    for (let pfn = this.cache.pop(); pfn !== undefined; pfn = this.cache.pop()) yield* this.release(pfn);
    if (!this.isScrubbed) {
      this.isScrubbed = true;
      if (this.host.rules.scrubs) for (const pfn of [...this.tracked.values()]) yield* this.unmap(pfn);
    }
    for (let pfn = this.ring.shift(); pfn !== undefined; pfn = this.ring.shift()) yield* this.release(pfn);
  }

  /** `page_pool_inflight()` with its event; a negative number is a page that came back twice. */
  private countInflight(): number {
    const { emission, log } = this.host;
    const { inflight } = this;
    emission.sink.poolShutdown(emission.moment(), this.id, inflight);
    if (inflight < 0 && this.host.rules.warnsOfNegative)
      log.warn('page_pool_inflight', `Negative(${inflight}) inflight packet-pages`);
    return inflight;
  }

  /** `__page_pool_alloc_netmems_slow()`: pages in bulk, which give no `mm_page_alloc`, each mapped and counted. */
  private *refill(): Kernel {
    const { allocator, emission } = this.host;
    const { isProvider } = this;
    const { refill } = this.options;
    const fresh = isProvider
      ? [0]
      : this.order === 0
        ? allocator.allocBulk(refill, 0, this.owner)
        : [allocator.alloc(this.order, GFP_COMP, this.owner)];
    for (const pfn of fresh) {
      if (pfn < 0) continue;
      if (!isProvider && !(yield* this.map(pfn))) {
        allocator.put(pfn);
        continue;
      }
      this.holdCount++;
      emission.sink.poolHold(emission.moment(), this.id, pfn, this.holdCount);
      this.cache.push(pfn);
    }
  }

  /** `page_pool_dma_map()`: a page that cannot be recorded is unmapped again and not used. */
  private *map(pfn: number): Kernel<boolean> {
    const { dma, pages } = this.host;
    const address = yield* dma.map(this.device, this.phys(pfn), this.sizeBytes, FROM_DEVICE, UNMAP_ATTRS);
    if (dma.mappingError(this.device, address) || address === undefined) return false;
    if (this.trackingFails && this.isRecorded) {
      this.trackingFails = false;
      if (!this.host.rules.undoesUnrecorded) return false;
      yield* dma.unmap(this.device, address, this.sizeBytes, FROM_DEVICE, UNMAP_ATTRS);
      return false;
    }
    const index = this.isRecorded ? this.freeIndex() : 0;
    if (index > 0) this.tracked.set(index, pfn);
    pages.setFields(pfn, { address, index });
    pages.mapped(this, this.device, pfn, address);
    return true;
  }

  /** `page_pool_return_netmem()`: the page leaves the pool, and its reference goes. */
  private *release(pfn: number): Kernel {
    const { emission, allocator } = this.host;
    if (!this.isProvider && this.host.rules.unmapsAtReturn) yield* this.unmap(pfn);
    this.releaseCount++;
    emission.sink.poolRelease(emission.moment(), this.id, pfn, this.releaseCount);
    if (!this.isProvider) allocator.put(pfn);
  }

  /**
   * `__page_pool_unmap_netmem_dma()`: only who takes the page out of the record unmaps it. Before pages were recorded, and
   * where no bits are left for the index, it is unmapped whenever it comes back. Address and index are those that stand in
   * the page now.
   */
  private *unmap(pfn: number): Kernel {
    const { dma, rules, pages } = this.host;
    const fields = pages.fieldsOf(pfn);
    if (fields === undefined) return;
    const { address, index } = fields;
    yield POOL_STOP.beforeExchange;
    if (this.isRecorded) {
      if (this.tracked.get(index) === pfn) this.tracked.delete(index);
      else if (rules.unmapsOnce) return;
    }
    if (rules.skipsLateUnmap && this.hasDriverLeft()) return;
    if (!this.isRecorded) pages.clearFields(pfn);
    pages.unmapped(this.device, address);
    yield* dma.unmap(this.device, address, this.sizeBytes, FROM_DEVICE, UNMAP_ATTRS);
  }

  /** `xa_alloc()` of an `XA_FLAGS_ALLOC1` array: the lowest index that is free, from 1 up. */
  private freeIndex(): number {
    let index = 1;
    while (this.tracked.has(index)) index++;
    return index;
  }

  /** Pages are in `dma_mapped` while they are mapped. */
  private get isRecorded(): boolean {
    const { scrubs, needsIndexBits } = this.host.rules;
    return scrubs && (this.options.hasIndexBits || !needsIndexBits);
  }

  private get isProvider(): boolean {
    return this.options.isProvider && this.host.rules.sparesProviders;
  }

  private hasDriverLeft(): boolean {
    return this.device.state !== 'bound' || this.device.binding !== this.bornIn;
  }

  private get sizeBytes(): number {
    return this.host.pageSize * 2 ** this.order;
  }

  private phys(pfn: number): number {
    return pfn * this.host.pageSize;
  }
}
