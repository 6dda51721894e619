import type { IommuDomain } from '../iommu/domain.ts';
import { FrameOwners, NOBODY } from './frame-owners.ts';
import { MappingStamps } from './mapping-stamps.ts';

/** What was wrong with an access of a device. */
export type BadAccessKind =
  /** The page was nobody's: on a free list. */
  | 'free page'
  /** The page had a new owner since it was mapped. */
  | 'new owner'
  /** The page is a page table of the IOMMU, whoever mapped it: what is written there is a translation. */
  | 'page table'
  /** A table walk read what is no page table of this domain any more. */
  | 'walk through a freed table'
  /** Hardware set an accessed or dirty bit in what is no page table any more. */
  | 'bit set in a freed table';

/** An access of a device that reached a page whose owner had changed. */
export interface BadAccess {
  readonly kind: BadAccessKind;
  readonly timeNs: number;
  readonly device: number;
  /** The domain that the device translated through; 0 for a device without an IOMMU. */
  readonly domain: number;
  readonly iova: number;
  readonly pfn: number;
  readonly isWrite: boolean;
  /** A cached translation answered that the tables did not hold any more. */
  readonly isStale: boolean;
  /** Who has the page now; 0 for nobody. */
  readonly owner: number;
  /** When the mapping was made that led there, on the scale of {@link FrameOwners.now}; -1 where none did. */
  readonly stamp: number;
}

/** An access to be judged. */
export interface Access {
  readonly timeNs: number;
  readonly device: number;
  readonly domain: IommuDomain | undefined;
  readonly iova: number;
  readonly pfn: number;
  readonly isWrite: boolean;
  readonly isStale: boolean;
  readonly stamp: number;
}

/** Why the ops that an unmap went through were not those of its map. */
export type DeadUnmapKind = 'driver gone' | 'bound again since' | 'device removed';

/** A DMA unmap for a device whose binding was not that of the map any more. */
export interface DeadUnmap {
  readonly kind: DeadUnmapKind;
  readonly timeNs: number;
  readonly device: number;
  readonly address: number;
}

/** More is counted and not kept. */
const MOST_KEPT = 100_000;

/**
 * What really happened: each access of a device is judged by who had the page when it was mapped and who has it now.
 */
export class Truth {
  readonly owners: FrameOwners;
  readonly stamps = new MappingStamps();
  readonly bad: BadAccess[] = [];
  readonly deadUnmaps: DeadUnmap[] = [];
  /** Owners whose pages are page tables. */
  readonly tableOwners = new Set<number>();
  /** Writes of data into page tables: from the first on, tables and events tell different stories. */
  tableWrites = 0;
  /** All accesses that reached memory, those that reached a page of another, and those through stale translations. */
  accesses = 0;
  badAccesses = 0;
  /** Accesses of data through a translation that the tables did not hold any more, good and bad. */
  staleAccesses = 0;

  constructor(pages: number) {
    this.owners = new FrameOwners(pages);
  }

  /** The page tables have a new translation. */
  mapped(domain: number, iova: number, phys: number, size: number): void {
    this.stamps.mapped(domain, iova, phys, size, ++this.owners.now);
  }

  /** A device reads or writes data. */
  access(access: Access): void {
    this.accesses++;
    if (access.isStale) this.staleAccesses++;
    const { owners } = this;
    const { pfn, stamp } = access;
    if (!owners.isMemory(pfn)) return;
    const owner = owners.owner[pfn] as number;
    if (owner === NOBODY) this.tell('free page', access);
    else if (this.tableOwners.has(owner)) {
      if (access.isWrite) this.tableWrites++;
      this.tell('page table', access);
    } else if ((owners.since[pfn] as number) > stamp) this.tell('new owner', access);
  }

  /** A walk of the tables for a device reads, or sets a bit in, a page that should be a table of `tableOwner`. */
  walk(access: Access, tableOwner: number): void {
    if (!this.owners.isMemory(access.pfn) || this.owners.owner[access.pfn] === tableOwner) return;
    this.tell(access.isWrite ? 'bit set in a freed table' : 'walk through a freed table', access);
  }

  /** A walk of a process's page tables read, or set a bit in, a page that is not the table that it should be. */
  wrongWalk(walk: Pick<BadAccess, 'timeNs' | 'device' | 'domain' | 'iova' | 'pfn' | 'isWrite'>): void {
    this.keep({
      ...walk,
      kind: walk.isWrite ? 'bit set in a freed table' : 'walk through a freed table',
      isStale: true,
      owner: this.owners.owner[walk.pfn] ?? NOBODY,
      stamp: -1,
    });
  }

  /** A DMA unmap through ops that are not those of its map. */
  deadUnmap(unmap: DeadUnmap): void {
    this.deadUnmaps.push(unmap);
  }

  private tell(kind: BadAccessKind, access: Access): void {
    const { domain, ...rest } = access;
    this.keep({ kind, ...rest, domain: domain?.id ?? 0, owner: this.owners.owner[access.pfn] as number });
  }

  private keep(bad: BadAccess): void {
    this.badAccesses++;
    if (this.bad.length < MOST_KEPT) this.bad.push(bad);
  }
}
