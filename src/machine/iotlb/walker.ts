import type { FaultReason, Translation } from '../iommu/iommu-unit.ts';
import type { WordBus } from '../memory/physical-memory.ts';
import {
  type HardwareTables,
  IOMMU_READ,
  IOMMU_WRITE,
  newWalkEntry,
  type WalkEntry,
} from '../page-tables/page-table.ts';
import { log2Floor, POWER } from '../page-tables/powers.ts';
import { CACHED_DIRTY, type CacheOptions, TranslationCache } from './translation-cache.ts';

/** Sizes of the caches of one device. */
export interface WalkerOptions {
  readonly iotlb: CacheOptions;
  /** Non-leaf entries of all levels. */
  readonly pagingStructures: CacheOptions;
}

/** Small enough to be full soon, large enough that a stale entry stays for a while. */
export const DEFAULT_WALKER: WalkerOptions = {
  iotlb: { entries: 64, replacement: 'lru' },
  pagingStructures: { entries: 16, replacement: 'lru' },
};

const READ_WRITE = IOMMU_READ | IOMMU_WRITE;

/**
 * What translates for one device, or for one PASID of a device: an IOTLB, a paging-structure cache, and a table walk
 * where they do not know.
 *
 * A walk begins at the deepest table that the paging-structure cache knows, without a look at the entries above, and
 * believes what it finds there, whose memory it may be by now. (VT-d specification, chapter 6 "Caching Translation
 * Information"; Arm ARM D8.16 "Translation Lookaside Buffers"; Intel SDM volume 3, 4.10.3.)
 */
export class Walker {
  readonly iotlb: TranslationCache;
  readonly pagingStructures: TranslationCache;
  private readonly tables: HardwareTables;
  private readonly bus: WordBus;
  private readonly stampOf: (iova: number, phys: number) => number;
  private readonly entry: WalkEntry = newWalkEntry();

  /** @param stampOf the truth's mark of a mapping, taken when its leaf is read from the tables */
  constructor(
    tables: HardwareTables,
    bus: WordBus,
    stampOf: (iova: number, phys: number) => number,
    options: WalkerOptions = DEFAULT_WALKER,
  ) {
    this.tables = tables;
    this.bus = bus;
    this.stampOf = stampOf;
    this.iotlb = new TranslationCache(options.iotlb);
    this.pagingStructures = new TranslationCache(options.pagingStructures);
  }

  /** One access. */
  translate(iova: number, isWrite: boolean, into: Translation): void {
    const slot = this.iotlb.find(iova);
    if (slot < 0 || (isWrite && this.needsDirty(slot))) {
      this.walk(iova, isWrite, into);
      return;
    }
    const { iotlb } = this;
    const offset = iova - (iotlb.iova[slot] as number);
    into.phys = (iotlb.phys[slot] as number) + offset;
    into.contiguous = (POWER[iotlb.shift[slot] as number] as number) - offset;
    into.stamp = iotlb.stamp[slot] as number;
    into.fromCache = true;
    into.fault = refusal(iotlb.flags[slot] as number, isWrite);
  }

  /** Forgets translations of the range; what is cached of the tables above them only where `leafOnly` is false. */
  invalidate(iova: number, size: number, leafOnly: boolean): void {
    this.iotlb.invalidate(iova, size);
    if (!leafOnly) this.pagingStructures.invalidate(iova, size);
  }

  /** Hardware that keeps dirty bits walks once more for the first write through a leaf. */
  private needsDirty(slot: number): boolean {
    const flags = this.iotlb.flags[slot] as number;
    return this.tables.setAccessed !== undefined && (flags & IOMMU_WRITE) !== 0 && !(flags & CACHED_DIRTY);
  }

  private walk(iova: number, isWrite: boolean, into: Translation): void {
    const { tables, bus, entry, pagingStructures } = this;
    into.fromCache = false;
    let access = READ_WRITE;
    let table: number;
    let level: number;
    const known = pagingStructures.find(iova);
    if (known >= 0) {
      table = pagingStructures.phys[known] as number;
      level = pagingStructures.stamp[known] as number;
      access = pagingStructures.flags[known] as number;
    } else {
      ({ phys: table, level } = tables.root());
    }
    for (;;) {
      tables.readEntry(bus, table, level, iova, entry);
      if (entry.kind === 'none') {
        refuse(into, 'not-present');
        return;
      }
      access &= (entry.readable ? IOMMU_READ : 0) | (entry.writable ? IOMMU_WRITE : 0);
      if (entry.kind === 'leaf') break;
      tables.setAccessed?.(bus, entry, false);
      pagingStructures.fill(iova, log2Floor(entry.size), entry.phys, access, entry.nextLevel);
      table = entry.phys;
      level = entry.nextLevel;
    }
    const fault = refusal(access, isWrite);
    if (fault !== undefined) {
      refuse(into, fault);
      return;
    }
    tables.setAccessed?.(bus, entry, isWrite);
    const offset = iova - entry.iova;
    const stamp = this.stampOf(iova, entry.phys + offset);
    this.iotlb.fill(iova, log2Floor(entry.size), entry.phys, access | (isWrite ? CACHED_DIRTY : 0), stamp);
    into.phys = entry.phys + offset;
    into.contiguous = entry.size - offset;
    into.stamp = stamp;
    into.fault = undefined;
  }
}

function refusal(access: number, isWrite: boolean): FaultReason | undefined {
  if (isWrite) return access & IOMMU_WRITE ? undefined : 'not-writable';
  return access & IOMMU_READ ? undefined : 'not-readable';
}

function refuse(into: Translation, fault: FaultReason): void {
  into.phys = 0;
  into.contiguous = 0;
  into.stamp = 0;
  into.fault = fault;
}
