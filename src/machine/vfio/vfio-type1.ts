import { EEXIST, EINVAL } from '../errno.ts';
import { type IommuContext, iovaToPhys } from '../iommu/context.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { iommuMap } from '../iommu/map.ts';
import { iommuUnmap, iommuUnmapFast, iotlbSync } from '../iommu/unmap.ts';
import { type IotlbGather, newGather } from '../page-tables/iotlb-gather.ts';
import type { Kernel } from '../threads/thread.ts';
import { PinnedPages } from './pinned-pages.ts';
import type { UserMemory } from './user-memory.ts';

/**
 * How a mapping is taken apart:
 * - `page-by-page`: one page at a time, and whatever the IOMMU says is gone is unpinned (166fd7d94afd, 2013);
 * - `chunked`: as long as the physical addresses follow each other (6fe1010d6d9c, 2015);
 * - `merged`: the same, with one flush for up to 512 chunks, and pins that go after the flush (Linux 7.2).
 */
export type VfioUnmapDesign = 'page-by-page' | 'chunked' | 'merged';

/** `VFIO_IOMMU_TLB_SYNC_MAX` */
const SYNC_MAX = 512;

export interface VfioHost {
  readonly core: IommuContext;
  readonly pageSize: number;
  readonly design?: VfioUnmapDesign;
}

/** `struct vfio_dma`: one mapping of the user. */
interface VfioDma {
  readonly iova: number;
  size: number;
  readonly pins: PinnedPages;
}

/** A chunk that is unmapped and not yet flushed. */
interface UnmappedRegion {
  readonly pfn: number;
  readonly pages: number;
}

/**
 * A VFIO type 1 container, version 2 (drivers/vfio/vfio_iommu_type1.c): maps a process's memory for its devices, in all
 * domains of the container, and pins it meanwhile.
 */
export class VfioType1 {
  private readonly host: VfioHost;
  private readonly design: VfioUnmapDesign;
  private readonly domains: readonly IommuDomain[];
  private readonly dmas: VfioDma[] = [];
  /** Calls of `iommu_unmap()` and `iommu_unmap_fast()` so far. */
  unmapCalls = 0;

  /** @param domains at least one; the first is asked for physical addresses */
  constructor(host: VfioHost, domains: readonly IommuDomain[]) {
    this.host = host;
    this.design = host.design ?? 'merged';
    this.domains = domains;
  }

  /** Pages that are pinned now. */
  get pinned(): number {
    return this.dmas.reduce((sum, { pins }) => sum + pins.count, 0);
  }

  /** `VFIO_IOMMU_MAP_DMA`: pins and maps run by run. @returns 0 or a negated errno, after which nothing is left */
  *mapDma(iova: number, memory: UserMemory, firstPage: number, size: number, prot: number): Kernel<number> {
    const { pageSize } = this.host;
    if (size === 0 || size % pageSize !== 0 || iova % pageSize !== 0) return -EINVAL;
    if (this.dmas.some(dma => dma.iova < iova + size && iova < dma.iova + dma.size)) return -EEXIST;
    const dma: VfioDma = { iova, size: 0, pins: new PinnedPages(memory) };
    this.dmas.push(dma);
    while (dma.size < size) {
      const run = dma.pins.pinRun(firstPage + dma.size / pageSize, (size - dma.size) / pageSize);
      const error = yield* this.mapInAll(iova + dma.size, run.pfn * pageSize, run.pages * pageSize, prot);
      if (error !== 0) {
        dma.pins.unpin(run.pfn, run.pages);
        yield* this.remove(dma);
        return error;
      }
      dma.size += run.pages * pageSize;
    }
    return 0;
  }

  /**
   * `VFIO_IOMMU_UNMAP_DMA`: all mappings in the range; one that the range would cut is refused.
   *
   * @returns bytes that are unmapped, or a negated errno
   */
  *unmapDma(iova: number, size: number): Kernel<number> {
    const end = iova + size;
    const inside = this.dmas.filter(dma => dma.iova < end && iova < dma.iova + dma.size);
    if (inside.some(dma => dma.iova < iova || dma.iova + dma.size > end)) return -EINVAL;
    let unmapped = 0;
    for (const dma of inside) {
      unmapped += dma.size;
      yield* this.remove(dma);
    }
    return unmapped;
  }

  /** `vfio_iommu_map()`: what is mapped in some domains already goes again when one fails. */
  private *mapInAll(iova: number, phys: number, size: number, prot: number): Kernel<number> {
    const { core } = this.host;
    for (const [index, domain] of this.domains.entries()) {
      const error = yield* iommuMap(core, domain, iova, phys, size, prot);
      if (error === 0) continue;
      for (const done of this.domains.slice(0, index)) yield* iommuUnmap(core, done, iova, size);
      return error;
    }
    return 0;
  }

  /** `vfio_remove_dma()` and `vfio_unmap_unpin()`: the first domain says which pages there are, so it comes last. */
  private *remove(dma: VfioDma): Kernel {
    const { core } = this.host;
    const [first, ...others] = this.domains;
    this.dmas.splice(this.dmas.indexOf(dma), 1);
    if (first === undefined || dma.size === 0) return;
    for (const domain of others) yield* iommuUnmap(core, domain, dma.iova, dma.size);
    if (this.design === 'merged') yield* this.unmapMerged(dma, first);
    else yield* this.unmapAndUnpin(dma, first);
  }

  /** Before 2019: each chunk is flushed by its own `iommu_unmap()`. */
  private *unmapAndUnpin(dma: VfioDma, domain: IommuDomain): Kernel {
    const { core, pageSize } = this.host;
    for (let done = 0; done < dma.size; ) {
      const chunk = this.chunkAt(dma, domain, done);
      if (chunk === undefined) {
        done += pageSize;
        continue;
      }
      this.unmapCalls++;
      const unmapped = yield* iommuUnmap(core, domain, dma.iova + done, chunk.size);
      if (unmapped === 0) {
        core.log.warn('vfio_unmap_unpin', 'iommu_unmap() has unmapped nothing');
        break;
      }
      dma.pins.unpin(chunk.phys / pageSize, unmapped / pageSize);
      done += unmapped;
    }
  }

  /** Since then: chunks are gathered, and unpinned after the flush. */
  private *unmapMerged(dma: VfioDma, domain: IommuDomain): Kernel {
    const { core, pageSize } = this.host;
    const gather = newGather();
    let regions: UnmappedRegion[] = [];
    for (let done = 0; done < dma.size; ) {
      const chunk = this.chunkAt(dma, domain, done);
      if (chunk === undefined) {
        done += pageSize;
        continue;
      }
      this.unmapCalls++;
      const unmapped = yield* iommuUnmapFast(core, domain, dma.iova + done, chunk.size, gather);
      if (unmapped === 0) {
        core.log.warn('vfio_unmap_unpin', 'iommu_unmap() has unmapped nothing');
        break;
      }
      regions.push({ pfn: chunk.phys / pageSize, pages: unmapped / pageSize });
      done += unmapped;
      if (regions.length === SYNC_MAX) regions = this.syncAndUnpin(dma, domain, gather, regions);
    }
    this.syncAndUnpin(dma, domain, gather, regions);
  }

  /** `vfio_sync_unpin()` */
  private syncAndUnpin(
    dma: VfioDma,
    domain: IommuDomain,
    gather: IotlbGather,
    regions: readonly UnmappedRegion[],
  ): UnmappedRegion[] {
    iotlbSync(this.host.core, domain, gather);
    for (const { pfn, pages } of regions) dma.pins.unpin(pfn, pages);
    return [];
  }

  /** What is unmapped next; `undefined` where nothing is mapped, at which the kernel warns. */
  private chunkAt(
    dma: VfioDma,
    domain: IommuDomain,
    done: number,
  ): { phys: number; size: number } | undefined {
    const { core, pageSize } = this.host;
    const iova = dma.iova + done;
    const phys = iovaToPhys(core, domain, iova);
    if (phys === 0) {
      core.log.warn('vfio_unmap_unpin', 'a page of the mapping is not mapped');
      return undefined;
    }
    let size = pageSize;
    if (this.design === 'page-by-page') return { phys, size };
    while (done + size < dma.size && iovaToPhys(core, domain, iova + size) === phys + size) size += pageSize;
    return { phys, size };
  }
}
