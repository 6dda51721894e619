import type { WordBus } from '../memory/physical-memory.ts';
import type { IotlbGather } from '../page-tables/iotlb-gather.ts';
import type { Clock } from '../time/clock.ts';
import type { IommuDomain } from './domain.ts';

/** Why the IOMMU refused an access. */
export type FaultReason = 'not-present' | 'not-writable' | 'not-readable' | 'blocked';

/** What the IOMMU made of an IOVA; reused from access to access. */
export interface Translation {
  /** Physical address of the byte; meaningful where `fault` is absent. */
  phys: number;
  /** Bytes from `phys` on that the same entry translates. */
  contiguous: number;
  /** What {@link IommuUnitHost.stampOf} said when the entry was read from the tables: the truth's, not hardware's. */
  stamp: number;
  /** Whether a cached translation answered, without a look at the tables. */
  fromCache: boolean;
  fault: FaultReason | undefined;
}

export function newTranslation(): Translation {
  return { phys: 0, contiguous: 0, stamp: 0, fromCache: false, fault: undefined };
}

/** What the IOMMU needs of the machine. */
export interface IommuUnitHost {
  readonly clock: Clock;
  /** Where the table walks of a device go: reads and writes of memory, which the truth sees. */
  busOf(device: number): WordBus;
  /**
   * The truth's mark of the mapping that translates `iova` to `phys` now. It is kept in a cached translation beside what
   * hardware keeps, so that an access through a stale one is known for what it is.
   */
  stampOf(domain: IommuDomain, iova: number, phys: number): number;
  /** Gives tables back whose flush is complete: `iommu_put_pages_list()`. */
  freeTables(tables: readonly number[]): void;
  /** A flush is complete; `size` may be `Infinity`. Tells the events. */
  flushed(domain: IommuDomain, iova: number, size: number): void;
}

/**
 * The IOMMU hardware with the caches of each device, and what its driver does to them. All flushes are complete when
 * they return.
 */
export interface IommuUnit {
  /** `device` translates through `domain` from now on; what was cached for it is forgotten. */
  attach(device: number, domain: IommuDomain): void;
  /** The device's accesses are blocked; what was cached for it is forgotten. */
  detach(device: number): void;
  /** One access of a device: caches first, then the tables. */
  translate(device: number, iova: number, isWrite: boolean, into: Translation): void;
  /** `ops->iotlb_sync`: flushes what was gathered, then frees the gathered tables and empties the gather. */
  sync(domain: IommuDomain, gather: IotlbGather): void;
  /** `ops->flush_iotlb_all` */
  flushAll(domain: IommuDomain): void;
  /** Each translation that is cached for the device, stale ones included: for whoever tells what it can reach. */
  forEachCached(device: number, visit: (iova: number, size: number, phys: number) => void): void;
  /** `tlb_flush_walk` of {@link PageTableHost}: entries and cached tables of the range, at once. */
  flushWalk(domain: IommuDomain, iova: number, size: number, granule: number): void;
}
