import type { IotlbGather } from '../page-tables/iotlb-gather.ts';
import type { PageTableFormat } from '../page-tables/page-table.ts';
import { alignDown, log2Floor, POWER } from '../page-tables/powers.ts';

/** What a driver asks its hardware to forget. */
export interface Invalidation {
  readonly iova: number;
  /** Bytes; `Infinity` is all of the domain. */
  readonly size: number;
  /** Only translations: what is cached of the tables above them stays. */
  readonly leafOnly: boolean;
}

const EVERYTHING: Invalidation = { iova: 0, size: Number.POSITIVE_INFINITY, leafOnly: false };

/** The largest block of an Intel page-selective invalidation, `cap_max_amask_val()`: 2^18 pages on current hardware. */
const VTD_MAX_SHIFT = 12 + 18;

/** AMD: a block must leave bit 51 clear, else all pages are flushed (`build_inv_address()`). */
const AMD_MAX_SHIFT = 51;

/**
 * What a driver's `iotlb_sync` makes of a gather, Linux 7.2. Intel and AMD hardware takes aligned blocks of a power of
 * two, so that more is flushed than was asked; Arm takes exact ranges.
 */
export function syncInvalidation(format: PageTableFormat, gather: Readonly<IotlbGather>): Invalidation {
  const { start, end, freelist } = gather;
  switch (format) {
    case 'vtd':
    case 'x86':
      // intel_iommu_tlb_sync(): the invalidation hint is set where no table has gone.
      return blockAround(start, end, VTD_MAX_SHIFT, freelist.length === 0);
    case 'amdv1':
      // build_inv_iommu_pages(): the PDE bit is always set.
      return blockAround(start, end, AMD_MAX_SHIFT, false);
    case 'arm-lpae':
      // arm_smmu_iotlb_sync(): leaves only, because tables are flushed by arm_smmu_tlb_inv_walk() when they go.
      return { iova: start, size: end - start, leafOnly: true };
  }
}

/** `tlb_flush_walk`, and the sync inside a map that has replaced tables. */
export function walkInvalidation(format: PageTableFormat, iova: number, size: number): Invalidation {
  if (format === 'arm-lpae') return { iova, size, leafOnly: false };
  const maxShift = format === 'amdv1' ? AMD_MAX_SHIFT : VTD_MAX_SHIFT;
  return blockAround(iova, iova + size, maxShift, false);
}

/** `flush_iotlb_all`: by domain id, ASID or VMID. */
export function fullInvalidation(): Invalidation {
  return EVERYTHING;
}

/**
 * The smallest aligned power of two of pages that covers the range (`calculate_psi_aligned_address()`); everything where
 * that is larger than `2 ** maxShift`.
 */
export function blockAround(start: number, end: number, maxShift: number, leafOnly: boolean): Invalidation {
  const from = alignDown(start, 12);
  let shift = Math.max(12, log2Floor(Math.max(end - from, 1)));
  for (; shift <= maxShift; shift++) {
    const block = alignDown(from, shift);
    if (block + (POWER[shift] as number) >= end)
      return { iova: block, size: POWER[shift] as number, leafOnly };
  }
  return EVERYTHING;
}
