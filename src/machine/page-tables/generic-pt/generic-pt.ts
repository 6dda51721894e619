import type { WordBus } from '../../memory/physical-memory.ts';
import { gatherRange, type IotlbGather, isDisjoint } from '../iotlb-gather.ts';
import { PageSizes } from '../page-sizes.ts';
import type {
  GenericPageTable,
  MapResult,
  PageTableFormat,
  PageTableHost,
  WalkEntry,
  WalkRoot,
} from '../page-table.ts';
import { type TableShape, TableTree } from '../table-tree.ts';
import { RangeMapper } from './map-range.ts';
import { RangeUnmapper } from './unmap-range.ts';

export interface GenericPtOptions extends TableShape {
  /** `PT_FEAT_DYNAMIC_TOP`: the table grows upwards when an IOVA needs it (AMD v1). */
  readonly hasDynamicTop?: boolean;
  /** `PT_FEAT_FLUSH_RANGE_NO_GAPS`: a gather holds no gaps (AMD where the IOMMU is emulated and flushes cost). */
  readonly hasNoGaps?: boolean;
  /** Hardware sets accessed and dirty bits, because the driver has enabled it. */
  readonly setsAccessed?: boolean;
  /** Restricts the page sizes, as the capabilities of the hardware do. */
  readonly allowsShift?: (shift: number) => boolean;
}

/**
 * The rules of drivers/iommu/generic_pt (Linux 7.2) by which entries come and go, for any format:
 *
 * - a map uses the largest page that fits at each place, and refuses to replace a leaf (-EADDRINUSE);
 * - an unmap never splits: a leaf whose beginning it meets goes as a whole, also where the range ends within it, and
 *   the larger size is returned. In the middle of a leaf, and at a hole, it stops;
 * - a table goes only if the range covers all that it spans, and its page is freed after the flush.
 */
export class GenericPt implements GenericPageTable {
  readonly driver = 'generic-pt';
  readonly format: PageTableFormat;
  readonly pgsizeBitmap: number;
  /** Only where the driver enables it. */
  readonly setAccessed?: (bus: WordBus, walked: Readonly<WalkEntry>, isWrite: boolean) => void;
  private readonly tree: TableTree;
  private readonly mapper: RangeMapper;
  private readonly unmapper: RangeUnmapper;
  private readonly hasNoGaps: boolean;

  /** @throws Error where there is no memory for the root */
  constructor(format: PageTableFormat, host: PageTableHost, options: GenericPtOptions) {
    const hasDynamicTop = options.hasDynamicTop ?? false;
    const topLevel = hasDynamicTop ? options.format.maxTopLevel : options.topLevel;
    const sizes = new PageSizes(options.format, topLevel, options.allowsShift);
    this.format = format;
    this.pgsizeBitmap = sizes.bitmap;
    this.hasNoGaps = options.hasNoGaps ?? false;
    this.tree = new TableTree(host, options);
    this.mapper = new RangeMapper(this.tree, sizes, hasDynamicTop);
    this.unmapper = new RangeUnmapper(this.tree);
    if (options.setsAccessed) {
      this.setAccessed = (bus, walked, isWrite) => this.tree.setAccessed(bus, walked, isWrite);
    }
  }

  mapRange(iova: number, phys: number, size: number, prot: number, result: MapResult): void {
    this.mapper.map(iova, phys, size, prot, result);
  }

  unmapRange(iova: number, size: number, gather: IotlbGather): number {
    const unmapped = this.unmapper.unmap(iova, size);
    this.gather(gather, iova, unmapped, this.unmapper.removed);
    return unmapped;
  }

  iovaToPhys(iova: number): number {
    return this.tree.iovaToPhys(iova);
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

  /** `gather_range_pages()`: in lazy mode no range is kept, the tables are all the same. */
  private gather(gather: IotlbGather, iova: number, size: number, removed: readonly number[]): void {
    if (size > 0 && !gather.queued) {
      if (this.hasNoGaps && isDisjoint(gather, iova, size)) this.tree.host.syncGather(gather);
      gatherRange(gather, iova, size);
    }
    for (const table of removed) gather.freelist.push(table);
  }
}
