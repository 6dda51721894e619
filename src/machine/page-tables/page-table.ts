import type { KernelLog } from '../kernel-log.ts';
import type { PhysicalMemory, WordBus } from '../memory/physical-memory.ts';
import type { TablePages } from '../memory/table-pages.ts';
import type { IotlbGather } from './iotlb-gather.ts';

/** `prot` of `iommu_map()`, include/linux/iommu.h. */
export const IOMMU_READ = 1 << 0;
export const IOMMU_WRITE = 1 << 1;
export const IOMMU_CACHE = 1 << 2;
export const IOMMU_NOEXEC = 1 << 3;
export const IOMMU_MMIO = 1 << 4;
export const IOMMU_PRIV = 1 << 5;

/** The formats that the machine has, as `iommusan simulate --iommu` names them. */
export const PAGE_TABLE_FORMATS = ['arm-lpae', 'vtd', 'x86', 'amdv1'] as const;

export type PageTableFormat = (typeof PAGE_TABLE_FORMATS)[number];

/**
 * What a format needs of the machine. `flush*` are the driver's: `struct iommu_flush_ops` for io-pgtable, the gather
 * of a map for generic_pt. They are complete when they return.
 */
export interface PageTableHost {
  readonly memory: PhysicalMemory;
  readonly tables: TablePages;
  readonly log: KernelLog;
  /** `tlb_flush_walk`: forget entries and tables cached of the range, at once. */
  flushWalk(iova: number, size: number, granule: number): void;
  /** `iommu_iotlb_sync()` in the middle of an unmap, where a gather cannot hold what comes next; empties it. */
  syncGather(gather: IotlbGather): void;
}

/** What a map call has done: `mapped` bytes are in the tables even where it failed. */
export interface MapResult {
  /** 0, or a negated errno. */
  error: number;
  mapped: number;
}

/** What hardware finds in one entry of a table. */
export type WalkEntryKind = 'none' | 'table' | 'leaf';

/** One entry as hardware reads it; reused from walk to walk. */
export interface WalkEntry {
  kind: WalkEntryKind;
  /** Physical address of the entry. */
  entry: number;
  /** First IOVA and number of bytes that the entry translates; for contiguous entries, all of them together. */
  iova: number;
  size: number;
  /** The next table, or the first byte of the page. */
  phys: number;
  /** Level of the next table, 0 for a table of smallest pages. Only where `kind` is `table`. */
  nextLevel: number;
  readable: boolean;
  writable: boolean;
}

export function newWalkEntry(): WalkEntry {
  return {
    kind: 'none',
    entry: 0,
    iova: 0,
    size: 0,
    phys: 0,
    nextLevel: 0,
    readable: false,
    writable: false,
  };
}

/** Where a walk begins. */
export interface WalkRoot {
  readonly phys: number;
  /** Levels are counted from the leaves: a table at level 0 holds the smallest pages only. */
  readonly level: number;
}

/**
 * The hardware's side of a table: a walker reads entry by entry, so that it can begin at whatever it has cached and
 * cache what it has read.
 */
export interface HardwareTables {
  /** The root as the device's context (or stream table) entry has it now. */
  root(): WalkRoot;
  /**
   * Reads the entry for `iova` in the table at `table`, which may by now be anybody's memory: what is in it is
   * believed, as hardware believes it.
   *
   * @param bus where a device's reads go, which knows what they reach
   */
  readEntry(bus: WordBus, table: number, level: number, iova: number, into: WalkEntry): void;
  /** Sets accessed and dirty bits as hardware does; absent where the format has none that the driver enables. */
  setAccessed?(bus: WordBus, walked: Readonly<WalkEntry>, isWrite: boolean): void;
}

interface PageTableCommon extends HardwareTables {
  readonly format: PageTableFormat;
  /** `domain->pgsize_bitmap`: the sum of all page sizes, in bytes. */
  readonly pgsizeBitmap: number;
  /** `iommu_iova_to_phys()`: 0 where nothing translates. Exact to the byte, in large leaves too. */
  iovaToPhys(iova: number): number;
  /** Frees all tables, whatever they map; no counter of anybody changes. */
  destroy(): void;
}

/** Formats that Linux 7.2 drives with drivers/iommu/generic_pt: one call for a whole range. */
export interface GenericPageTable extends PageTableCommon {
  readonly driver: 'generic-pt';
  mapRange(iova: number, phys: number, size: number, prot: number, result: MapResult): void;
  /** @returns bytes that are gone, which may be more than `size` and 0 where it is refused */
  unmapRange(iova: number, size: number, gather: IotlbGather): number;
}

/** Formats of drivers/iommu/io-pgtable*: the core cuts a range into runs of equal pages (`iommu_pgsize()`). */
export interface IoPageTable extends PageTableCommon {
  readonly driver: 'io-pgtable';
  mapPages(
    iova: number,
    phys: number,
    pageSize: number,
    pageCount: number,
    prot: number,
    result: MapResult,
  ): void;
  /** @returns bytes that are gone; 0 ends the core's loop */
  unmapPages(iova: number, pageSize: number, pageCount: number, gather: IotlbGather): number;
}

/** The page table of one domain. */
export type PageTable = GenericPageTable | IoPageTable;
