/** The lowest bit that is set in a whole number below 2^64, as a number; 0 for 0. `1 << __ffs(x)` beyond 32 bits. */
export function lowestBit(value: number): number {
  const low = (value % 2 ** 32) >>> 0;
  if (low !== 0) return (low & -low) >>> 0;
  const high = Math.floor(value / 2 ** 32) >>> 0;
  return high === 0 ? 0 : ((high & -high) >>> 0) * 2 ** 32;
}

/** Whether a number is a multiple of a power of two; exact for whole numbers below 2^64. */
export function isAligned(value: number, powerOfTwo: number): boolean {
  return value % powerOfTwo === 0;
}

/** Whether the sum of page sizes has this one. */
export function hasPageSize(bitmap: number, pageSize: number): boolean {
  return Math.floor(bitmap / pageSize) % 2 === 1;
}

/** A run of equal pages: what one call of `map_pages` or `unmap_pages` gets. */
export interface PageRun {
  pageSize: number;
  pageCount: number;
}

/**
 * `iommu_pgsize()` (drivers/iommu/iommu.c, Linux 7.2): the largest page that the alignment of both addresses and the size
 * allow, and how many of them until a larger page fits.
 *
 * @param into takes the result; its page size is 0 where none fits (a BUG in the kernel)
 */
export function iommuPgsize(bitmap: number, iova: number, phys: number, size: number, into: PageRun): void {
  const alignment = Math.min(
    lowestBit(iova) || Number.POSITIVE_INFINITY,
    lowestBit(phys) || Number.POSITIVE_INFINITY,
  );
  let pageSize = 0;
  let larger = 0;
  for (let candidate = lowestBit(bitmap); candidate <= bitmap; candidate *= 2) {
    if (!hasPageSize(bitmap, candidate)) continue;
    if (candidate <= size && candidate <= alignment) {
      pageSize = candidate;
    } else {
      larger = candidate;
      break;
    }
  }
  into.pageSize = pageSize;
  into.pageCount = 0;
  if (pageSize === 0) return;
  let bytes = size;
  // Where both addresses are equally far from the next larger page, only the bytes before it are taken now.
  if (larger > 0 && (phys - iova) % larger === 0) {
    const before = larger - (phys % larger);
    if (before + larger <= size) bytes = before;
  }
  into.pageCount = Math.floor(bytes / pageSize);
}
