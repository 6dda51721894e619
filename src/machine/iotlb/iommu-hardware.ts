import { type IommuDomain, isPaging } from '../iommu/domain.ts';
import type { IommuUnit, IommuUnitHost, Translation } from '../iommu/iommu-unit.ts';
import { type IotlbGather, resetGather } from '../page-tables/iotlb-gather.ts';
import type { PageTableFormat } from '../page-tables/page-table.ts';
import { fullInvalidation, type Invalidation, syncInvalidation, walkInvalidation } from './driver-flushes.ts';
import { DEFAULT_WALKER, Walker, type WalkerOptions } from './walker.ts';

/** How a device's accesses are handled. */
interface Attachment {
  readonly domain: IommuDomain;
  /** Absent for identity and blocked domains. */
  readonly walker: Walker | undefined;
}

/**
 * The IOMMU with an IOTLB and a paging-structure cache for each device, as its driver flushes them. Real hardware
 * shares caches between devices and tags entries with the domain; that no device can use what another's walk has
 * cached is the one thing that is simpler here.
 */
export class IommuHardware implements IommuUnit {
  private readonly host: IommuUnitHost;
  private readonly options: WalkerOptions;
  private readonly attachments = new Map<number, Attachment>();

  constructor(host: IommuUnitHost, options: WalkerOptions = DEFAULT_WALKER) {
    this.host = host;
    this.options = options;
  }

  attach(device: number, domain: IommuDomain): void {
    const { host } = this;
    const walker = isPaging(domain)
      ? new Walker(
          domain.pageTable,
          host.busOf(device),
          (iova, phys) => host.stampOf(domain, iova, phys),
          this.options,
        )
      : undefined;
    this.attachments.set(device, { domain, walker });
  }

  detach(device: number): void {
    this.attachments.delete(device);
  }

  translate(device: number, iova: number, isWrite: boolean, into: Translation): void {
    const attachment = this.attachments.get(device);
    if (attachment?.walker !== undefined) {
      attachment.walker.translate(iova, isWrite, into);
      return;
    }
    const isIdentity = attachment?.domain.type === 'identity';
    into.phys = isIdentity ? iova : 0;
    into.contiguous = isIdentity ? Number.POSITIVE_INFINITY : 0;
    into.stamp = isIdentity ? Number.POSITIVE_INFINITY : 0;
    into.fromCache = false;
    into.fault = isIdentity ? undefined : 'blocked';
  }

  /** `iommu_iotlb_sync()`: the driver is called for a gather that holds anything, and frees its tables. */
  sync(domain: IommuDomain, gather: IotlbGather): void {
    if (gather.start < gather.end) {
      const { start, end, freelist } = gather;
      const invalidation = syncInvalidation(formatOf(domain), gather);
      this.invalidate(domain, invalidation);
      this.told(domain, invalidation, start, end - start);
      this.host.freeTables(freelist);
    }
    resetGather(gather);
  }

  flushAll(domain: IommuDomain): void {
    const all = fullInvalidation();
    this.invalidate(domain, all);
    this.told(domain, all, all.iova, all.size);
  }

  flushWalk(domain: IommuDomain, iova: number, size: number): void {
    const invalidation = walkInvalidation(formatOf(domain), iova, size);
    this.invalidate(domain, invalidation);
    this.told(domain, invalidation, iova, size);
  }

  forEachCached(device: number, visit: (iova: number, size: number, phys: number) => void): void {
    const walker = this.attachments.get(device)?.walker;
    if (walker === undefined) return;
    const { iotlb } = walker;
    for (let slot = 0; slot < iotlb.entries; slot++) {
      const iova = iotlb.iova[slot] as number;
      if (!Number.isNaN(iova)) visit(iova, 2 ** (iotlb.shift[slot] as number), iotlb.phys[slot] as number);
    }
  }

  /** What is cached for a device now; for stories and tests. */
  walkerOf(device: number): Walker | undefined {
    return this.attachments.get(device)?.walker;
  }

  private invalidate(domain: IommuDomain, { iova, size, leafOnly }: Invalidation): void {
    for (const attachment of this.attachments.values()) {
      if (attachment.domain === domain) attachment.walker?.invalidate(iova, size, leafOnly);
    }
  }

  /** The events hear of the range that was asked for, or of the domain where all of it went. */
  private told(domain: IommuDomain, done: Invalidation, iova: number, size: number): void {
    if (done.size === Number.POSITIVE_INFINITY) this.host.flushed(domain, 0, done.size);
    else this.host.flushed(domain, iova, size);
  }
}

function formatOf(domain: IommuDomain): PageTableFormat {
  if (!isPaging(domain)) throw new Error(`domain ${domain.name} has no page table to flush`);
  return domain.pageTable.format;
}
