/**
 * `struct iommu_iotlb_gather` (include/linux/iommu.h, Linux 7.2): what one or several unmaps ask to be flushed.
 *
 * `end` is exclusive here and inclusive in the kernel: the last byte of a 64-bit address space is no exact float64,
 * the address behind it is.
 */
export interface IotlbGather {
  /** First byte to flush; `Infinity` while the gather is empty. */
  start: number;
  /** First byte behind what is to be flushed; 0 while the gather is empty. */
  end: number;
  /** Bytes per page of what was gathered, for drivers that flush page by page; 0 while the gather is empty. */
  pageSize: number;
  /** Tables, by physical address, that may be freed only when the flush is complete. */
  freelist: number[];
  /** Lazy mode: the flush queue flushes the whole domain later, so no range is gathered. */
  queued: boolean;
}

/** `iommu_iotlb_gather_init()` */
export function newGather(queued = false): IotlbGather {
  return { start: Number.POSITIVE_INFINITY, end: 0, pageSize: 0, freelist: [], queued };
}

/** Empties a gather whose flush is complete and whose tables are freed. */
export function resetGather(gather: IotlbGather): void {
  gather.start = Number.POSITIVE_INFINITY;
  gather.end = 0;
  gather.pageSize = 0;
  gather.freelist = [];
}

/** `iommu_iotlb_gather_add_range()`: widens the range over what lies between, too. */
export function gatherRange(gather: IotlbGather, iova: number, size: number): void {
  if (iova < gather.start) gather.start = iova;
  if (iova + size > gather.end) gather.end = iova + size;
}

/** `iommu_iotlb_gather_is_disjoint()`: whether something is gathered already that the range does not touch. */
export function isDisjoint(gather: Readonly<IotlbGather>, iova: number, size: number): boolean {
  return gather.end !== 0 && (iova > gather.end || iova + size < gather.start);
}
