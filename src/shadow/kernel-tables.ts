import { copyMoment, type Moment } from '../kernel/moment.ts';

/** A kernel page-table page that an IOMMU may have cached, on its way to be freed. */
export interface DyingTable {
  /** `pagetable_free_kernel()` of it, and the clearing of the entry that led to it; each where it was seen. */
  givenUp: Moment | undefined;
  unlinked: Moment | undefined;
  /** The latest of these: what an IOMMU has cached of the table is older than this. */
  sinceNs: number;
}

/** A device that walks the page tables of a process. */
interface Binding {
  users: number;
  /** It began with empty caches. */
  readonly sinceNs: number;
}

/** Tables that are remembered; more are not on their way at once. */
const MOST = 1 << 16;

/**
 * Shared virtual addressing (SVA): devices that walk the page tables of processes, whose upper half is the kernel's own,
 * and kernel page-table pages that are taken out of them. What an IOMMU has cached of such a page must be forgotten
 * before the page has another owner (`kernel_pgtable_work_func()`, mm/pgtable-generic.c, Linux 7.2).
 */
export class KernelTables {
  private readonly dying = new Map<number, DyingTable>();
  private readonly bound = new Map<string, Binding>();
  /** When the invalidations that have not ended began, by thread of execution. */
  private readonly invalidating = new Map<number, number>();
  /** When the latest of the complete invalidations began. */
  private invalidatedSinceNs = Number.NEGATIVE_INFINITY;
  /** Whether the source shows that invalidations end. */
  private showsEnds = false;

  /** Whether any device walks the page tables of a process. */
  get isShared(): boolean {
    return this.bound.size > 0;
  }

  /** The table at a page, if it is on its way to be freed. */
  get(pfn: number): DyingTable | undefined {
    return this.dying.get(pfn);
  }

  /** Whether everything that an IOMMU had cached of a table is forgotten. */
  isForgotten(table: DyingTable, at: Readonly<Moment>): boolean {
    // The worker frees behind its invalidation: where no end is shown, that it frees is the end.
    const own = this.showsEnds ? undefined : this.invalidating.get(at.context);
    if (Math.max(this.invalidatedSinceNs, own ?? Number.NEGATIVE_INFINITY) >= table.sinceNs) return true;
    // Who was bound later has never read the entry, and an unbind invalidates what was cached for it.
    for (const binding of this.bound.values()) if (binding.sinceNs < table.sinceNs) return false;
    return true;
  }

  bind(at: Readonly<Moment>, device: number, mm: number): void {
    const key = `${device} ${mm}`;
    const binding = this.bound.get(key);
    if (binding) binding.users++;
    else this.bound.set(key, { users: 1, sinceNs: at.timeNs });
  }

  unbind(device: number, mm: number): void {
    const key = `${device} ${mm}`;
    const binding = this.bound.get(key);
    if (!binding) return;
    binding.users--;
    if (binding.users === 0) this.bound.delete(key);
  }

  unlink(at: Readonly<Moment>, pfn: number): void {
    const table = this.of(pfn);
    if (!table) return;
    table.unlinked = copyMoment(at);
    table.sinceNs = at.timeNs;
  }

  giveUp(at: Readonly<Moment>, pfn: number): void {
    const table = this.of(pfn);
    if (!table) return;
    table.givenUp = copyMoment(at);
    // Where its entry was cleared before, as it should be, nothing was cached since.
    table.sinceNs = table.unlinked?.timeNs ?? at.timeNs;
  }

  /** Pages were freed or handed out: they are no tables any more. */
  pagesGone(pfn: number, pages: number): void {
    if (this.dying.size === 0) return;
    for (let page = pfn; page < pfn + pages; page++) this.dying.delete(page);
  }

  invalidateBegin(at: Readonly<Moment>): void {
    this.invalidating.set(at.context, at.timeNs);
  }

  invalidateEnd(at: Readonly<Moment>): void {
    this.showsEnds = true;
    const begun = this.invalidating.get(at.context);
    this.invalidating.delete(at.context);
    if (begun !== undefined) this.invalidatedSinceNs = Math.max(this.invalidatedSinceNs, begun);
  }

  /** Tables on their way. */
  get size(): number {
    return this.dying.size;
  }

  private of(pfn: number): DyingTable | undefined {
    let table = this.dying.get(pfn);
    if (!table && this.dying.size < MOST) {
      table = { givenUp: undefined, unlinked: undefined, sinceNs: 0 };
      this.dying.set(pfn, table);
    }
    return table;
  }
}
