import { silentEvents } from '../../../src/kernel/silent-events.ts';

const PAGE = 4096;

/**
 * IOMMU_DEBUG_PAGEALLOC in the plainest words, page by page and with a dictionary for each domain: what the machine's
 * sanitizer, which asks real page tables, must come to. It hears the events and nothing else.
 */
export class PerPageModel {
  readonly events;
  warnings = 0;
  private readonly counts = new Map<number, number>();
  /** Physical page of each IOVA page, by domain. */
  private readonly tables = new Map<number, Map<number, number>>();

  constructor() {
    this.events = {
      ...silentEvents,
      iommuMap: (_at: unknown, domain: number, iova: number, phys: number, size: number) => {
        if (phys === 0) return;
        for (let at = 0; at < size; at += PAGE) {
          this.add((phys + at) / PAGE, 1);
          this.table(domain).set((iova + at) / PAGE, (phys + at) / PAGE);
        }
      },
      iommuUnmapBegin: (_at: unknown, domain: number, iova: number, size: number) => {
        for (let at = 0; at < size; at += PAGE) this.addTranslated(domain, iova + at, -1);
      },
      iommuUnmapEnd: (_at: unknown, domain: number, iova: number, size: number, unmapped: number) => {
        for (let at = 0; at < unmapped; at += PAGE) this.table(domain).delete((iova + at) / PAGE);
        for (let at = unmapped; at < size; at += PAGE) this.addTranslated(domain, iova + at, 1);
      },
      pageAlloc: (_at: unknown, pfn: number, order: number) => this.check(pfn, 2 ** order),
      pageFree: (_at: unknown, pfn: number, order: number) => this.check(pfn, 2 ** order),
    };
  }

  count(pfn: number): number {
    return this.counts.get(pfn) ?? 0;
  }

  private check(pfn: number, pages: number): void {
    for (let page = pfn; page < pfn + pages; page++) if (this.count(page) !== 0) this.warnings++;
  }

  private addTranslated(domain: number, iova: number, by: number): void {
    const pfn = this.table(domain).get(iova / PAGE);
    if (pfn !== undefined && pfn !== 0) this.add(pfn, by);
  }

  private add(pfn: number, by: number): void {
    this.counts.set(pfn, this.count(pfn) + by);
  }

  private table(domain: number): Map<number, number> {
    let table = this.tables.get(domain);
    if (!table) {
      table = new Map();
      this.tables.set(domain, table);
    }
    return table;
  }
}
