import { EEXIST, EINVAL, ENOENT } from '../errno.ts';
import { type IommuContext, iovaToPhys } from '../iommu/context.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { iommuMap } from '../iommu/map.ts';
import { iommuUnmap } from '../iommu/unmap.ts';
import type { Kernel } from '../threads/thread.ts';
import { PinnedPages } from './pinned-pages.ts';
import type { UserMemory } from './user-memory.ts';

export interface IommufdHost {
  readonly core: IommuContext;
  readonly pageSize: number;
  /**
   * `disable_large_pages`: one `iommu_map()` per page, so that any part can be unmapped later; the type 1 compatibility
   * of version 1 needs it.
   */
  readonly disableLargePages?: boolean;
  /** Runs of page frames that one batch holds; more than the kernel's smallest, fewer than its largest. */
  readonly batchRuns?: number;
}

/** `struct iopt_area` */
interface Area {
  readonly iova: number;
  readonly size: number;
  readonly pins: PinnedPages;
}

const BATCH_RUNS = 512;

/** An IO address space of iommufd (drivers/iommu/iommufd/pages.c, Linux 7.2), mapped in one domain. */
export class IommufdIoas {
  private readonly host: IommufdHost;
  private readonly domain: IommuDomain;
  private readonly areas: Area[] = [];

  constructor(host: IommufdHost, domain: IommuDomain) {
    this.host = host;
    this.domain = domain;
  }

  get pinned(): number {
    return this.areas.reduce((sum, { pins }) => sum + pins.count, 0);
  }

  /** `IOMMU_IOAS_MAP`. @returns 0 or a negated errno, after which nothing is left */
  *map(iova: number, memory: UserMemory, firstPage: number, size: number, prot: number): Kernel<number> {
    const { core, pageSize, disableLargePages = false } = this.host;
    if (size === 0 || size % pageSize !== 0 || iova % pageSize !== 0) return -EINVAL;
    if (this.areas.some(area => area.iova < iova + size && iova < area.iova + area.size)) return -EEXIST;
    const pins = new PinnedPages(memory);
    let done = 0;
    while (done < size) {
      const run = pins.pinRun(firstPage + done / pageSize, (size - done) / pageSize);
      const step = disableLargePages ? pageSize : run.pages * pageSize;
      const end = done + run.pages * pageSize;
      for (let phys = run.pfn * pageSize; done < end; done += step, phys += step) {
        const error = yield* iommuMap(core, this.domain, iova + done, phys, step, prot);
        if (error === 0) continue;
        pins.unpin(phys / pageSize, (end - done) / pageSize);
        yield* this.unfill({ iova, size: done, pins });
        return error;
      }
    }
    this.areas.push({ iova, size, pins });
    return 0;
  }

  /** `IOMMU_IOAS_UNMAP`: whole areas only. @returns bytes, or a negated errno */
  *unmap(iova: number, size: number): Kernel<number> {
    const inside = this.areas.filter(area => area.iova < iova + size && iova < area.iova + area.size);
    if (inside.length === 0) return -ENOENT;
    if (inside.some(area => area.iova < iova || area.iova + area.size > iova + size)) return -ENOENT;
    let unmapped = 0;
    for (const area of inside) {
      this.areas.splice(this.areas.indexOf(area), 1);
      yield* this.unfill(area);
      unmapped += area.size;
    }
    return unmapped;
  }

  /**
   * `iopt_area_unfill_domain()`: reads page frames from the domain, batch by batch; a batch never ends within a run of
   * page frames, because a large page may hold the run. Unmaps a batch, then unpins it.
   */
  private *unfill({ iova, size, pins }: Area): Kernel {
    const { core, pageSize, batchRuns = BATCH_RUNS } = this.host;
    for (let done = 0; done < size; ) {
      const runs: { pfn: number; pages: number }[] = [];
      let bytes = 0;
      while (done + bytes < size) {
        const pfn = iovaToPhys(core, this.domain, iova + done + bytes) / pageSize;
        const last = runs.at(-1);
        if (last !== undefined && last.pfn + last.pages === pfn) last.pages++;
        else if (runs.length === batchRuns) break;
        else runs.push({ pfn, pages: 1 });
        bytes += pageSize;
      }
      yield* this.unmapNofail(iova + done, bytes);
      for (const { pfn, pages } of runs) pins.unpin(pfn, pages);
      done += bytes;
    }
  }

  /** `iommu_unmap_nofail()` */
  private *unmapNofail(iova: number, size: number): Kernel {
    const unmapped = yield* iommuUnmap(this.host.core, this.domain, iova, size);
    if (unmapped !== size) {
      this.host.core.log.warn('iommu_unmap_nofail', `unmapped ${unmapped} bytes of ${size}`);
    }
  }
}
