import type { StoryRole } from '../findings/finding.ts';
import type { IncidentHandle } from '../findings/incident.ts';
import type { Moment } from '../kernel/moment.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';

/** A live mapping that reaches pages which were given away. */
export interface Reach {
  readonly id: number;
  /** First IOVA page that leads to one of them. */
  readonly iovaPage: number;
  /** All of them. */
  readonly iovaPages: readonly number[];
}

/** An incident, and how many mappings of it are still there. */
interface Open {
  readonly handle: IncidentHandle;
  mappings: number;
}

interface Dangling {
  readonly open: Open;
  /** IOVA pages of the mapping whose memory was given away. */
  readonly given: Set<number>;
}

/**
 * Mappings whose memory was given away while they reach it, and the incident that told of it. Each new owner of
 * such a page, and each free by one, repeats the same bug: it is an echo of the incident, not another one.
 */
export class DanglingMappings {
  private readonly shadow: Shadow;
  private readonly byMapping = new Map<number, Dangling>();
  /** Pages whose count is not 0 though no mapping reaches them: only the kernel's accounting has such. */
  private readonly stale = new Map<number, IncidentHandle>();

  constructor(shadow: Shadow) {
    this.shadow = shadow;
  }

  /**
   * A block of pages of which some are believed mapped changes hands.
   *
   * @param role what this event is in the story of an incident that is known already
   * @param report makes the incident for mappings that no incident has told of yet; `fresh` is empty where only the
   *   kernel's count says that a page is mapped
   */
  changeHands(
    at: Moment,
    pfn: number,
    pages: number,
    role: StoryRole,
    report: (fresh: readonly Reach[], pfn: number, mappedPages: number) => IncidentHandle,
  ): void {
    if (pages === 1 && this.tellSole(at, pfn, role)) return;
    const reaches = this.reaches(pfn, pages);
    const fresh = reaches.filter(({ id }) => !this.byMapping.has(id));
    if (reaches.length === 0) this.changeHandsOfStale(at, pfn, pages, role, report);
    else this.tellKnown(at, reaches, role);
    if (fresh.length === 0) return;
    const { accounting } = this.shadow;
    // Pages of which a known incident has told already are not told again.
    const told = fresh.length < reaches.length ? this.pagesOf(fresh) : undefined;
    const handle = told
      ? report(fresh, lowest(told), told.size)
      : report(fresh, accounting.firstMapped(pfn, pages), accounting.mappedPages(pfn, pages));
    const open: Open = { handle, mappings: fresh.length };
    for (const { id, iovaPages } of fresh) {
      this.byMapping.set(id, { open, given: new Set(iovaPages) });
      this.shadow.mappings.watch(id);
    }
  }

  /** Pages of a mapping are gone, see `ShadowChanges.watchedCut`. */
  watchedCut(at: Moment, id: number, iovaPage: number, pages: number, gone: boolean): void {
    const dangling = this.byMapping.get(id);
    if (!dangling) return;
    const { given } = dangling;
    if (pages < given.size) {
      for (let page = iovaPage; page < iovaPage + pages; page++) given.delete(page);
    } else {
      for (const page of given) if (page >= iovaPage && page < iovaPage + pages) given.delete(page);
    }
    if (given.size > 0 && !gone) return;
    this.byMapping.delete(id);
    dangling.open.mappings--;
    if (dangling.open.mappings === 0) dangling.open.handle.ended('unmapped', at);
    else dangling.open.handle.add('unmapped', at);
  }

  /** Mappings of known incidents: pages that were not given away before make it larger, others are echoes. */
  private tellKnown(at: Moment, reaches: readonly Reach[], role: StoryRole): void {
    const more = new Map<Open, Set<number>>();
    for (const { id, iovaPages } of reaches) {
      const dangling = this.byMapping.get(id);
      if (!dangling) continue;
      const pages = more.get(dangling.open) ?? new Set();
      more.set(dangling.open, pages);
      for (const page of iovaPages) {
        if (dangling.given.has(page)) continue;
        dangling.given.add(page);
        pages.add(this.pageAt(id, page));
      }
    }
    for (const [{ handle }, pages] of more) {
      if (pages.size > 0) handle.grow(pages.size, at);
      else handle.echo(role, at);
    }
  }

  private changeHandsOfStale(
    at: Moment,
    pfn: number,
    pages: number,
    role: StoryRole,
    report: (fresh: readonly Reach[], pfn: number, mappedPages: number) => IncidentHandle,
  ): void {
    const { accounting } = this.shadow;
    const fresh: number[] = [];
    const echoed = new Set<IncidentHandle>();
    for (let page = pfn; page < pfn + pages; page++) {
      if (!accounting.anyMapped(page, 1)) continue;
      const handle = this.stale.get(page);
      if (!handle) fresh.push(page);
      else if (!echoed.has(handle)) {
        handle.echo(role, at);
        echoed.add(handle);
      }
    }
    const [first] = fresh;
    if (first === undefined) return;
    const handle = report([], first, fresh.length);
    for (const page of fresh) this.stale.set(page, handle);
  }

  /**
   * A page that one mapping reaches, and an incident has told of this mapping: the common case, without a look at all
   * mappings. Counts tell pages with one mapping apart only where the IOMMU's pages are not smaller.
   */
  private tellSole(at: Moment, pfn: number, role: StoryRole): boolean {
    const { mappings, tables, accounting, pageSize } = this.shadow;
    if (this.byMapping.size === 0 || pageSize !== FRAME_SIZE || accounting.mappingsOf(pfn) !== 1)
      return false;
    for (const [id, { open, given }] of this.byMapping) {
      const offset = pfn - (mappings.frame[id] as number);
      if (offset < 0 || offset >= (mappings.pages[id] as number)) continue;
      const iovaPage = (mappings.iovaPage[id] as number) + offset;
      if (tables.get(mappings.domain[id] as number, iovaPage) !== id) continue;
      if (given.has(iovaPage)) open.handle.echo(role, at);
      else {
        given.add(iovaPage);
        open.handle.grow(1, at);
      }
      return true;
    }
    return false;
  }

  private reaches(pfn: number, pages: number): Reach[] {
    const byId = new Map<number, number[]>();
    this.shadow.forEachReach(pfn, pages, (id, iovaPage, count) => {
      let list = byId.get(id);
      if (!list) {
        list = [];
        byId.set(id, list);
      }
      for (let i = 0; i < count; i++) list.push(iovaPage + i);
    });
    return Array.from(byId, ([id, iovaPages]) => ({ id, iovaPage: iovaPages[0] as number, iovaPages }));
  }

  private pagesOf(reaches: readonly Reach[]): Set<number> {
    return new Set(reaches.flatMap(({ id, iovaPages }) => iovaPages.map(page => this.pageAt(id, page))));
  }

  /** The page of the kernel's size that an IOVA page of a mapping leads to. */
  private pageAt(id: number, iovaPage: number): number {
    return Math.floor((this.shadow.mappings.frameAt(id, iovaPage) * FRAME_SIZE) / this.shadow.pageSize);
  }
}

function lowest(pages: ReadonlySet<number>): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const page of pages) lowest = Math.min(lowest, page);
  return lowest;
}
