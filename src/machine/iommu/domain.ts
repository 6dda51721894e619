import type { PageTable } from '../page-tables/page-table.ts';

/** `IOMMU_DOMAIN_*`, include/linux/iommu.h. `dma-fq` is a DMA domain with a flush queue: the lazy mode. */
export type DomainType = 'unmanaged' | 'dma' | 'dma-fq' | 'identity' | 'blocked';

/** `struct iommu_domain`. */
export interface IommuDomain {
  /** As `KernelEvents` name it: greater than 0. */
  readonly id: number;
  readonly name: string;
  readonly type: DomainType;
  /** Absent for identity and blocked domains. */
  readonly pageTable: PageTable | undefined;
  /** Devices that translate through it, as `KernelEvents` name them. */
  readonly devices: Set<number>;
}

/** Whether a page table stands behind the domain, so that `iommu_map()` may be called on it. */
export function isPaging(domain: IommuDomain): domain is IommuDomain & { readonly pageTable: PageTable } {
  return domain.pageTable !== undefined;
}
