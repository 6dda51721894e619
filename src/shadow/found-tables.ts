import { UNKNOWN } from '../kernel/events.ts';
import type { Domains } from './domains.ts';
import { IovaRuns } from './iova-runs.ts';
import { IovaTable } from './iova-table.ts';

/** Several tables come into question: which one is meant is not known. */
export const AMBIGUOUS = -1;

/** Where the pages are noted that were unmapped while the state was read. */
const ANY_DOMAIN = 0;
const UNMAPPED = 1;

/** Part of IOVA space, in 4 KiB pages. */
export interface Segment {
  readonly page: number;
  readonly pages: number;
}

interface FoundTable {
  /** The only device that translates through it, or {@link UNKNOWN}. */
  readonly device: number;
  /** The domain whose page table it is; {@link UNKNOWN} until an event has shown it. */
  domain: number;
}

/**
 * The page tables that were found when a recording began. Where a kernel shows them it does not tell the address of
 * their `struct iommu_domain`, by which events name a domain. An event tells later which is whose: by the device of both,
 * or by an unmap of what only one table has.
 */
export class FoundTables {
  private readonly tables = new Map<number, FoundTable>();
  private readonly byDomain = new Map<number, number>();
  /** Whether the state is being read: {@link noteUnmapped} is to be told. */
  isReading = false;
  private unmapped = new IovaTable();
  private readonly runs = new IovaRuns();

  /** Tables that were ever found; an id is never given to anything else. */
  private readonly known = new Set<number>();

  isTable(domain: number): boolean {
    return this.known.has(domain);
  }

  get isEmpty(): boolean {
    return this.tables.size === 0;
  }

  /** The state is read from now on. */
  begin(): void {
    this.isReading = true;
  }

  /** All that was found has been told. */
  end(): void {
    this.isReading = false;
    this.unmapped = new IovaTable();
  }

  /** Pages of some domain were unmapped: what was read of them may be older. */
  noteUnmapped(page: number, pages: number): void {
    if (pages === 0) return;
    this.runs.reset();
    this.unmapped.clear(ANY_DOMAIN, page, pages, this.runs);
    this.unmapped.map(ANY_DOMAIN, page, pages, UNMAPPED);
  }

  add(table: number, device: number): void {
    this.known.add(table);
    if (!this.tables.has(table)) this.tables.set(table, { device, domain: UNKNOWN });
  }

  /**
   * The parts of a range that are still as they were read: those that were not unmapped since, and that no domain which
   * may be the table's has mapped since.
   */
  stillAsRead(table: number, range: Segment, mapped: IovaTable, domains: Domains): Segment[] {
    const device = this.tables.get(table)?.device ?? UNKNOWN;
    let segments = this.without([range], this.unmapped, ANY_DOMAIN);
    for (const domain of mapped.domains()) {
      if (segments.length === 0) break;
      if (domain !== table && (this.tables.has(domain) || !domains.mayBeOf(domain, device))) continue;
      segments = this.without(segments, mapped, domain);
    }
    return segments;
  }

  /** The table of a domain that has unmapped something at `page`, {@link UNKNOWN} where none has it, or {@link AMBIGUOUS}. */
  tableOf(domain: number, page: number, mapped: IovaTable, domains: Domains): number {
    const known = this.knownTableOf(domain, domains);
    if (known !== UNKNOWN) return known;
    let found = UNKNOWN;
    for (const table of this.candidates(domain, domains)) {
      if (mapped.get(table, page) === 0) continue;
      if (found !== UNKNOWN) return AMBIGUOUS;
      found = table;
    }
    return found;
  }

  /** The table that is known to be the domain's, from an earlier event or by the device of both. */
  knownTableOf(domain: number, domains: Domains): number {
    const known = this.byDomain.get(domain);
    if (known !== undefined) return known;
    const device = domains.soleDevice(domain);
    if (device === UNKNOWN) return UNKNOWN;
    for (const table of this.candidates(domain, domains)) {
      if (this.tables.get(table)?.device === device) return table;
    }
    return UNKNOWN;
  }

  /** The tables that may be a domain's: those that are not known to be another's or another device's. */
  *candidates(domain: number, domains: Domains): Generator<number> {
    // One that a driver has made since is newer than what was found.
    if (domains.isOwn(domain)) return;
    for (const [table, { device, domain: owner }] of this.tables) {
      if (owner === UNKNOWN && domains.mayBeOf(domain, device)) yield table;
    }
  }

  /** An event has shown whose the table is. */
  associate(table: number, domain: number): void {
    const found = this.tables.get(table);
    if (!found || found.domain !== UNKNOWN) return;
    found.domain = domain;
    this.byDomain.set(domain, table);
  }

  /** The domain is gone, and its table with it. */
  forget(table: number): void {
    const found = this.tables.get(table);
    if (found) this.byDomain.delete(found.domain);
    this.tables.delete(table);
  }

  /** What is left of segments without the pages that a domain has. */
  private without(segments: readonly Segment[], mapped: IovaTable, domain: number): Segment[] {
    return segments.flatMap(({ page, pages }) => {
      const { runs } = this;
      runs.reset();
      mapped.collect(domain, page, pages, runs);
      const rest: Segment[] = [];
      let from = page;
      for (let i = 0; i < runs.count; i++) {
        const start = runs.page[i] as number;
        if (start > from) rest.push({ page: from, pages: start - from });
        from = start + (runs.pages[i] as number);
      }
      if (from < page + pages) rest.push({ page: from, pages: page + pages - from });
      return rest;
    });
  }
}
