import type { DmaKind } from './dma.ts';
import type { Moment } from './moment.ts';

/** A domain, device, driver or pool that the source could not name. */
export const UNKNOWN = 0;

/** `prot` of a mapping whose source did not record it. */
export const PROT_UNKNOWN = -1;

/** Scatterlist of a `dma_map_sg()` call, in arrays that the source reuses: copy what is kept. */
export interface ScatterList {
  /** Physical address of each entry that the driver passed; only the first `nents` elements are valid. */
  readonly phys: Float64Array;
  /** Entries recorded in `phys` (the kernel records at most 128). */
  nents: number;
  /** Entries that the driver passed. */
  fullNents: number;
  /** DMA address and length of each mapped segment; only the first `ents` elements are valid. */
  readonly dmaAddr: Float64Array;
  readonly length: Float64Array;
  ents: number;
  /** Segments that the kernel made. */
  fullEnts: number;
}

/**
 * What happens in a kernel, one method per kind of event: the seam between sources (a trace file, a live kernel,
 * a simulated machine) and everything that judges them.
 *
 * Addresses and sizes are bytes, page frame numbers are those of the kernel (`pageSize` of the source), all as
 * float64. Domains, devices, drivers and pools are small integers that the source hands out, {@link UNKNOWN}
 * (0) where it does not know; {@link SourceNames} has their names. `at` is reused by the source.
 */
export interface KernelEvents {
  /**
   * An IOMMU mapping exists now: `size` bytes really mapped, which is less than asked for when the call failed
   * midway (the roll-back follows as an unmap). `prot` is the `IOMMU_*` mask or {@link PROT_UNKNOWN}.
   */
  iommuMap(at: Moment, domain: number, iova: number, phys: number, size: number, prot: number): void;
  /**
   * `iommu_unmap()` was entered: the page tables still hold the mapping. A source that does not see the entry calls
   * this right before {@link iommuUnmapEnd}, which always follows in the same context.
   */
  iommuUnmapBegin(at: Moment, domain: number, iova: number, size: number): void;
  /** The page tables are changed: `unmapped` bytes from `iova` are gone. The IOTLB may still hold them. */
  iommuUnmapEnd(at: Moment, domain: number, iova: number, size: number, unmapped: number): void;

  /**
   * The IOMMU has forgotten what it cached of `[iova, iova + size)`: told when the flush is complete. A `size` of
   * `Infinity` is the whole domain; {@link UNKNOWN} as domain means every domain.
   */
  iotlbFlush(at: Moment, domain: number, iova: number, size: number): void;
  /**
   * The IOMMU refused an access of `device` at `iova`; `isWrite` is -1 where the source does not know, else 0 or 1.
   * `slackNs` is how far its time may be off, where it is told by another clock than the events around it.
   */
  ioPageFault(at: Moment, device: number, iova: number, isWrite: number, slackNs?: number): void;

  /**
   * The state that the recording found is read from here on, while the kernel goes on: an event between this and
   * {@link stateEnd} may be newer than what {@link mappingFound} tells.
   */
  stateBegin(at: Moment): void;
  /**
   * A mapping was there when the state was read: who made it, and when, is not known. `table` is its page table, named
   * like a domain; which domain has that table is not known. `device` is the only one that translates through it, or
   * {@link UNKNOWN}.
   */
  mappingFound(at: Moment, table: number, device: number, iova: number, phys: number, size: number): void;
  /** All that was found has been told. */
  stateEnd(at: Moment): void;

  /** A domain was allocated for `device`. */
  domainAlloc(at: Moment, domain: number, device: number): void;
  /** `device` translates through `domain` from now on. */
  domainAttach(at: Moment, domain: number, device: number): void;
  domainFree(at: Moment, domain: number): void;

  /** `2^order` pages from `pfn` were handed out by the page allocator. Not every allocation is seen. */
  pageAlloc(at: Moment, pfn: number, order: number): void;
  /** `2^order` pages from `pfn` go back to the page allocator. The order may exceed that of the allocation, and 10. */
  pageFree(at: Moment, pfn: number, order: number): void;

  /** A DMA API call is about to map for `device`: the next mapping in this context is its. */
  dmaMapBegin(at: Moment, device: number): void;
  /** A DMA API mapping was made; `phys`, `direction` and `attrs` are -1 where the source does not know them. */
  dmaMap(
    at: Moment,
    kind: DmaKind,
    device: number,
    dmaAddr: number,
    size: number,
    phys: number,
    direction: number,
    attrs: number,
  ): void;
  /** A DMA API mapping is undone. For `single` the IOMMU unmap was before, for the others it follows. */
  dmaUnmap(
    at: Moment,
    kind: DmaKind,
    device: number,
    dmaAddr: number,
    size: number,
    direction: number,
    attrs: number,
  ): void;
  dmaMapSg(at: Moment, device: number, list: ScatterList, direction: number, attrs: number): void;
  /** Only `phys`, `nents` and `fullNents` of the list are known. The IOMMU unmap follows. */
  dmaUnmapSg(at: Moment, device: number, list: ScatterList, direction: number, attrs: number): void;
  dmaSync(at: Moment, device: number, dmaAddr: number, size: number, direction: number): void;

  /** `driver` was found bound to `device` when the recording began. */
  driverFound(at: Moment, device: number, driver: number): void;
  /** `driver` starts to probe `device`. */
  driverProbe(at: Moment, device: number, driver: number): void;
  /**
   * The driver is gone from `device`, or its probe failed; resources that devres manages are released next, by the
   * same task. May be told twice of one unbind.
   */
  driverCleanup(at: Moment, device: number): void;
  /** The unbind is over, devres included: `BUS_NOTIFY_UNBOUND_DRIVER`. A failed probe has no such end. */
  driverUnbound(at: Moment, device: number): void;

  /** A page_pool was created for `device`. */
  poolCreate(at: Moment, pool: number, device: number): void;
  /** A page_pool took `pfn` from the allocator and mapped it, as its `count`th page. */
  poolHold(at: Moment, pool: number, pfn: number, count: number): void;
  /** A page left the pool, unmapped, as its `count`th. */
  poolRelease(at: Moment, pool: number, pfn: number, count: number): void;
  /** The pool tried to go: `inflight` pages are still out. */
  poolShutdown(at: Moment, pool: number, inflight: number): void;
  poolDestroy(at: Moment, pool: number): void;

  /** The slab allocator handed out an object at `phys`; `callSite` is a {@link SourceNames.stack} of who asked. */
  slabAlloc(at: Moment, phys: number, size: number, callSite: number): void;
  /** The object at `phys` went back to the slab allocator. */
  slabFree(at: Moment, phys: number): void;

  /** `device` translates through the page tables of process `mm` from now on (SVA), kernel half included. */
  svaBind(at: Moment, device: number, mm: number): void;
  svaUnbind(at: Moment, device: number, mm: number): void;
  /**
   * The last entry that referred to the kernel page-table page `pfn` was cleared; or it is known that none ever will,
   * of a table that was made and not used.
   */
  kernelTableUnlink(at: Moment, pfn: number): void;
  /** The kernel page-table page `pfn` was given up: `pagetable_free_kernel()`. Its {@link pageFree} may come later. */
  kernelTableFree(at: Moment, pfn: number): void;
  /**
   * `iommu_sva_invalidate_kva_range()` was entered: what an IOMMU caches of the kernel addresses `[start, end)` after
   * this moment it has read from the tables as they are now. Addresses lose their low bits in a float64.
   */
  svaInvalidateBegin(at: Moment, start: number, end: number): void;
  /** The invalidation is complete on all devices; follows its begin in the same context. */
  svaInvalidateEnd(at: Moment, start: number, end: number): void;

  /**
   * Events of one CPU are missing between two moments: everything believed about the time before `untilNs` may
   * be out of date. Said before the first event after `sinceNs`. `count` is -1 where the kernel did not count.
   */
  eventsLost(cpu: number, count: number, sinceNs: number, untilNs: number): void;
}
