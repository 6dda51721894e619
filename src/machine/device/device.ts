import type { IommuDomain } from '../iommu/domain.ts';
import type { Kernel } from '../threads/thread.ts';

/** Where a device is in its life with drivers (drivers/base/dd.c). */
export type DriverState = 'unbound' | 'probing' | 'bound' | 'cleaning' | 'removed';

/** `struct device`, as far as DMA concerns it. */
export interface Device {
  /** As `KernelEvents` name it. */
  readonly id: number;
  /** `0000:00:04.0` */
  readonly name: string;
  /** What it translates through; `undefined` where no IOMMU does, so that addresses are physical. */
  domain: IommuDomain | undefined;
  /** `dev->dma_iommu`: the DMA API goes through dma-iommu, else through dma-direct. Set with the default domain. */
  usesDmaIommu: boolean;
  /** The last address that the device can put on the bus. */
  dmaMask: number;
  /** `dma_get_max_seg_size()`: how long a segment of a scatterlist the device takes. */
  maxSegmentBytes: number;
  /** `dma_get_seg_boundary() + 1`: no segment may lie on both sides of a multiple of it. */
  segmentBoundary: number;
  /** dma-debug looks at the unbind of PCI devices only. */
  isPci: boolean;
  driver: string | undefined;
  state: DriverState;
  /** How often a driver was bound: a mapping belongs to the binding in which it was made. */
  binding: number;
  /** What devres releases when the driver goes, the last one first. */
  readonly managed: (() => Kernel)[];
}

export function newDevice(id: number, name: string): Device {
  return {
    id,
    name,
    domain: undefined,
    usesDmaIommu: false,
    dmaMask: 2 ** 64 - 1,
    maxSegmentBytes: 65536,
    segmentBoundary: 2 ** 32,
    isPci: true,
    driver: undefined,
    state: 'unbound',
    binding: 0,
    managed: [],
  };
}
