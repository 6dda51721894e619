/**
 * What the simulated kernel's work costs, in nanoseconds. They are round figures of the right order for a CPU of some
 * GHz with warm caches, not measurements: what matters is what grows with what.
 */
export interface Costs {
  /** An event that is written: an fprobe or tracepoint with a kernel stack. */
  readonly event: number;
  /** Entry and return of one of the core's calls, locks included. */
  readonly call: number;
  /** One `iommu_iova_to_phys()`: a walk of all levels. */
  readonly walk: number;
  /** One entry of a page table written. */
  readonly entry: number;
  /** A flush of the IOTLB, to its end. */
  readonly flush: number;
  /** One access of a device. */
  readonly access: number;
}

export const DEFAULT_COSTS: Costs = { event: 100, call: 100, walk: 100, entry: 10, flush: 1000, access: 500 };

/** `watchdog_thresh * 2`: from here on the watchdog prints "BUG: soft lockup" (kernel/watchdog.c, Linux 7.2). */
export const SOFT_LOCKUP_NS = 20e9;
