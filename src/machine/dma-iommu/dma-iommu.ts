import type { IommuDomain } from '../iommu/domain.ts';
import { iommuMap } from '../iommu/map.ts';
import { iommuMapSg, type SgEntry } from '../iommu/map-sg.ts';
import { iommuUnmapFast, iotlbSync } from '../iommu/unmap.ts';
import { type IotlbGather, newGather } from '../page-tables/iotlb-gather.ts';
import type { Kernel } from '../threads/thread.ts';
import { type DmaCookie, type DmaIommuHost, newDmaCookie } from './dma-cookie.ts';
import { DEFAULT_LIMITS, layOutSegments, type SgSegment, segmentsOf } from './sg-segments.ts';

/** `DMA_BIT_MASK(64)`: a device that reaches all addresses. */
export const DMA_MASK_64 = 2 ** 64 - 1;
/** The last address with 32 bits. */
export const DMA_MASK_32 = 2 ** 32 - 1;

/** IOVAs that a domain can have at most; 48 bits is what Linux sets up on current hardware. */
const APERTURE_END = 2 ** 48 - 1;

/**
 * drivers/iommu/dma-iommu.c, Linux 7.2: the DMA API of a device behind an IOMMU. Maps get an IOVA from the top of the
 * device's reach downwards; unmaps flush at once, or through the flush queue where the domain is lazy.
 */
export class DmaIommu {
  private readonly host: DmaIommuHost;
  private readonly cookies = new Map<number, DmaCookie>();

  constructor(host: DmaIommuHost) {
    this.host = host;
  }

  /** IOVAs and flush queue of a domain, made when they are first needed. */
  cookie(domain: IommuDomain): DmaCookie {
    let cookie = this.cookies.get(domain.id);
    if (cookie === undefined) {
      cookie = newDmaCookie(this.host, domain);
      this.cookies.set(domain.id, cookie);
    }
    return cookie;
  }

  /** `iommu_put_dma_cookie()`: before the domain is freed. */
  forget(domain: IommuDomain): void {
    this.cookies.get(domain.id)?.flushQueue?.destroy();
    this.cookies.delete(domain.id);
  }

  /**
   * `iommu_dma_map_phys()`
   *
   * @returns the DMA address, or `undefined` (`DMA_MAPPING_ERROR`)
   */
  *mapPhys(
    domain: IommuDomain,
    phys: number,
    size: number,
    prot: number,
    dmaMask = DMA_MASK_64,
  ): Kernel<number | undefined> {
    const { core } = this.host;
    const caller = core.emission.enter(core.emission.names.stacks.symbol('iommu_dma_map_phys'));
    const { granule } = this.cookie(domain);
    const offset = phys % granule;
    const bytes = alignUp(offset + size, granule);
    const iova = this.allocIova(domain, bytes, dmaMask);
    let address: number | undefined;
    if (iova !== 0) {
      const error = yield* iommuMap(core, domain, iova, phys - offset, bytes, prot);
      if (error === 0) address = iova + offset;
      else this.freeIova(domain, iova, bytes, undefined);
    }
    core.emission.leave(caller);
    return address;
  }

  /** `iommu_dma_unmap_phys()`, and every other unmap: `__iommu_dma_unmap()`. */
  *unmap(domain: IommuDomain, address: number, size: number): Kernel {
    const { core } = this.host;
    const caller = core.emission.enter(core.emission.names.stacks.symbol('__iommu_dma_unmap'));
    const { granule, flushQueue } = this.cookie(domain);
    const offset = address % granule;
    const iova = address - offset;
    const bytes = alignUp(offset + size, granule);
    const gather = newGather(flushQueue !== undefined);
    const unmapped = yield* iommuUnmapFast(core, domain, iova, bytes, gather);
    if (unmapped !== bytes) {
      core.log.warn('__iommu_dma_unmap', `unmapped ${unmapped} bytes of ${bytes}`);
    }
    if (!gather.queued) iotlbSync(core, domain, gather);
    this.freeIova(domain, iova, bytes, gather);
    core.emission.leave(caller);
  }

  /**
   * `iommu_dma_map_sg()`: one range of IOVAs for all entries.
   *
   * @returns the segments that the device sees; none where it failed
   */
  *mapSg(
    domain: IommuDomain,
    list: readonly SgEntry[],
    prot: number,
    dmaMask = DMA_MASK_64,
    limits = DEFAULT_LIMITS,
  ): Kernel<SgSegment[]> {
    const { core } = this.host;
    const caller = core.emission.enter(core.emission.names.stacks.symbol('iommu_dma_map_sg'));
    const layout = layOutSegments(list, this.cookie(domain).granule, limits);
    const iova = this.allocIova(domain, layout.bytes, dmaMask);
    let segments: SgSegment[] = [];
    if (iova !== 0) {
      const mapped = yield* iommuMapSg(core, domain, iova, layout.mapped, prot);
      if (mapped < layout.bytes) this.freeIova(domain, iova, layout.bytes, undefined);
      else segments = segmentsOf(list, layout, iova, limits);
    }
    core.emission.leave(caller);
    return segments;
  }

  /** `iommu_dma_unmap_sg()`: from the first segment to the end of the last, in one unmap. */
  *unmapSg(domain: IommuDomain, segments: readonly SgSegment[]): Kernel {
    const [first] = segments;
    const last = segments.at(-1);
    if (first === undefined || last === undefined) return;
    yield* this.unmap(domain, first.address, last.address + last.size - first.address);
  }

  /** `iommu_dma_alloc_iova()` */
  private allocIova(domain: IommuDomain, bytes: number, dmaMask: number): number {
    const cookie = this.cookie(domain);
    const { cpu } = this.host.core.emission.current;
    const { iovas, granule } = cookie;
    const pages = bytes / granule;
    const limit = Math.min(dmaMask, APERTURE_END);
    if (limit > DMA_MASK_32 && cookie.prefers32Bit) {
      const page = iovas.allocFast(cpu, pages, Math.floor(DMA_MASK_32 / granule), false);
      if (page !== 0) return page * granule;
      cookie.prefers32Bit = false;
      this.host.core.log.say('warn', 'iommu_dma_alloc_iova', 'Using 64-bit DMA addresses');
    }
    return iovas.allocFast(cpu, pages, Math.floor(limit / granule), true) * granule;
  }

  /** `iommu_dma_free_iova()`: a queued gather waits for the flush, and its tables with it. */
  private freeIova(domain: IommuDomain, iova: number, bytes: number, gather: IotlbGather | undefined): void {
    const { iovas, granule, flushQueue } = this.cookie(domain);
    const { cpu } = this.host.core.emission.current;
    const page = iova / granule;
    if (gather?.queued && flushQueue !== undefined) {
      flushQueue.queue(cpu, page, bytes / granule, gather.freelist);
    } else {
      iovas.freeFast(cpu, page, bytes / granule);
    }
  }
}

function alignUp(value: number, granule: number): number {
  return Math.ceil(value / granule) * granule;
}
