import { AMD_V1 } from './formats/amd-v1.ts';
import { VTD_SECOND_STAGE } from './formats/vtd-second-stage.ts';
import { X86_FIRST_STAGE } from './formats/x86-first-stage.ts';
import { GenericPt } from './generic-pt/generic-pt.ts';
import { type ArmLpaeOptions, ArmLpaeTable } from './io-pgtable/arm-lpae-table.ts';
import type { PageTable, PageTableFormat, PageTableHost } from './page-table.ts';

export interface PageTableOptions {
  /** Granule, stage and the like, for `arm-lpae`. */
  readonly armLpae?: ArmLpaeOptions;
  /** The largest page that the hardware allows, as a shift: 21 where a VT-d IOMMU has no 1 GiB pages. */
  readonly maxLeafShift?: number;
  /**
   * `amdv1`: an emulated IOMMU that caches what is not present, so that the driver flushes without gaps
   * (`PT_FEAT_FLUSH_RANGE_NO_GAPS`).
   */
  readonly isVirtualized?: boolean;
}

/**
 * The page table of a new domain, as the driver that uses the format sets it up in Linux 7.2: 48 bits and four levels
 * for Arm and Intel; AMD v1 begins with three levels and grows.
 *
 * @throws Error where there is no memory for the root
 */
export function createPageTable(
  format: PageTableFormat,
  host: PageTableHost,
  options: PageTableOptions = {},
): PageTable {
  const { maxLeafShift } = options;
  const limited = maxLeafShift === undefined ? {} : { allowsShift: (shift: number) => shift <= maxLeafShift };
  switch (format) {
    case 'arm-lpae':
      return new ArmLpaeTable(host, options.armLpae);
    case 'vtd':
      return new GenericPt(format, host, {
        format: VTD_SECOND_STAGE,
        addressBits: 48,
        topLevel: 3,
        ...limited,
      });
    case 'x86':
      return new GenericPt(format, host, {
        format: X86_FIRST_STAGE,
        addressBits: 48,
        topLevel: 3,
        // intel_iommu_domain_alloc_first_stage(): canonical addresses, as the CPU has them.
        isSignExtended: true,
        setsAccessed: true,
        ...limited,
      });
    case 'amdv1':
      return new GenericPt(format, host, {
        format: AMD_V1,
        addressBits: 39,
        topLevel: 2,
        hasDynamicTop: true,
        hasNoGaps: options.isVirtualized ?? false,
        ...limited,
      });
  }
}
