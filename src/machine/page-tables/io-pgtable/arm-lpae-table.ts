import type { WordBus } from '../../memory/physical-memory.ts';
import { type ArmLpaeFormat, armLpae, type LpaeGranuleShift, type LpaeStage } from '../formats/arm-lpae.ts';
import type { IotlbGather } from '../iotlb-gather.ts';
import { PageSizes } from '../page-sizes.ts';
import type { IoPageTable, MapResult, PageTableHost, WalkEntry, WalkRoot } from '../page-table.ts';
import { POWER } from '../powers.ts';
import { TableTree } from '../table-tree.ts';
import { LpaeMapper } from './arm-lpae-map.ts';
import { LpaeUnmapper, type PartialUnmap } from './arm-lpae-unmap.ts';

/** `ARM_LPAE_S2_MAX_CONCAT_PAGES`: so many tables may be joined at the root of stage 2, to save a level. */
const MAX_CONCATENATED = 16;

export interface ArmLpaeOptions {
  /** 12 unless said otherwise. */
  readonly granuleShift?: LpaeGranuleShift;
  /** 1 unless said otherwise. */
  readonly stage?: LpaeStage;
  /** `ias`: bits of an IOVA; 48 unless said otherwise. */
  readonly inputBits?: number;
  /** `oas`: bits of a physical address; 52 needs the 64 KiB granule. 48 unless said otherwise. */
  readonly outputBits?: 48 | 52;
  /** `refuse` unless said otherwise. */
  readonly partialUnmap?: PartialUnmap;
  /**
   * `exact` to the byte, or `within-granule`: only the offset within a granule was added to the address of a block, until
   * 7c6d90e2bb1a ("Fix iova_to_phys for block entries", Linux 4.6).
   */
  readonly iovaToPhys?: 'exact' | 'within-granule';
  /** `IO_PGTABLE_QUIRK_NO_WARN`: what is asked wrongly is refused in silence. */
  readonly isQuiet?: boolean;
}

/**
 * drivers/iommu/io-pgtable-arm.c (Linux 7.2): the core cuts a range into runs of equal pages, and each run meets the
 * tables of its level.
 *
 * - Mapping over a leaf is refused; mapping a block over a table takes away the table with all its pages;
 * - unmapping all that a table spans frees it with all below, holes or not; a table that is emptied page by page stays;
 * - a table is freed at once, after its own flush of the walk caches (`tlb_flush_walk`).
 */
export class ArmLpaeTable implements IoPageTable {
  readonly driver = 'io-pgtable';
  readonly format = 'arm-lpae';
  readonly pgsizeBitmap: number;
  private readonly tree: TableTree;
  private readonly mapper: LpaeMapper;
  private readonly unmapper: LpaeUnmapper;
  private readonly isExact: boolean;

  /** @throws Error where there is no memory for the root */
  constructor(host: PageTableHost, options: ArmLpaeOptions = {}) {
    const { granuleShift = 12, stage = 1, inputBits = 48, outputBits = 48 } = options;
    const { partialUnmap = 'refuse', isQuiet = false } = options;
    const format = armLpae(granuleShift, stage, outputBits);
    const topLevel = topLevelFor(format, stage, inputBits);
    const sizes = new PageSizes(format, topLevel);
    this.pgsizeBitmap = sizes.bitmap;
    this.isExact = options.iovaToPhys !== 'within-granule';
    this.tree = new TableTree(host, { format, addressBits: inputBits, topLevel });
    const unmapper = new LpaeUnmapper(this.tree, format, sizes, partialUnmap, isQuiet);
    this.unmapper = unmapper;
    this.mapper = new LpaeMapper(
      this.tree,
      sizes,
      (word, level, iova) => unmapper.removeTable(word, level, iova),
      isQuiet,
    );
  }

  mapPages(
    iova: number,
    phys: number,
    pageSize: number,
    pageCount: number,
    prot: number,
    result: MapResult,
  ): void {
    this.mapper.map(iova, phys, pageSize, pageCount, prot, result);
  }

  unmapPages(iova: number, pageSize: number, pageCount: number, gather: IotlbGather): number {
    return this.unmapper.unmap(iova, pageSize, pageCount, gather);
  }

  iovaToPhys(iova: number): number {
    if (this.isExact) return this.tree.iovaToPhys(iova);
    const offset = iova % (POWER[this.tree.format.granuleShift] as number);
    const leaf = this.tree.leafFor(iova);
    return leaf < 0 ? 0 : leaf + offset;
  }

  root(): WalkRoot {
    return { phys: this.tree.root, level: this.tree.topLevel };
  }

  readEntry(bus: WordBus, table: number, level: number, iova: number, into: WalkEntry): void {
    this.tree.readEntry(bus, table, level, iova, into);
  }

  destroy(): void {
    this.tree.destroy();
  }
}

/** `arm_lpae_alloc_pgtable()`, and the concatenation of `arm_64_lpae_alloc_pgtable_s2()`. */
function topLevelFor(format: ArmLpaeFormat, stage: LpaeStage, inputBits: number): number {
  const levels = Math.max(1, Math.ceil((inputBits - format.granuleShift) / format.indexBits));
  const rootBits = inputBits - format.granuleShift - (levels - 1) * format.indexBits;
  const canJoin = stage === 2 && levels === format.maxTopLevel + 1 && 1 << rootBits <= MAX_CONCATENATED;
  return canJoin ? levels - 2 : levels - 1;
}
