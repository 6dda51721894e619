import type { IommuDomain } from '../iommu/domain.ts';

/** `struct device`, as far as DMA concerns it. */
export interface Device {
  /** As `KernelEvents` name it. */
  readonly id: number;
  /** `0000:00:04.0` */
  readonly name: string;
  /** What it translates through; `undefined` where no IOMMU does, so that addresses are physical. */
  domain: IommuDomain | undefined;
}
