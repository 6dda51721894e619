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
    const known = pages === 1 ? this.soleIncident(pfn) : undefined;
    if (known) {
      known.echo(role, at);
      return;
    }
    const reaches = this.reaches(pfn, pages);
    const fresh = reaches.filter(({ id }) => !this.byMapping.has(id));
    if (reaches.length === 0) this.changeHandsOfStale(at, pfn, pages, role, report);
    else this.tellKnown(at, reaches, role);
    if (fresh.length === 0) return;
    const first = this.shadow.accounting.firstMapped(pfn, pages);
    const handle = report(fresh, first, this.shadow.accounting.mappedPages(pfn, pages));
    const open: Open = { handle, mappings: fresh.length };
    for (const { id, iovaPages } of fresh) this.byMapping.set(id, { open, given: new Set(iovaPages) });
  }

  /** Pages of a mapping are gone, see `ShadowChanges.mappingCut`. */
  mappingCut(at: Moment, id: number, iovaPage: number, pages: number, gone: boolean): void {
    const dangling = this.byMapping.get(id);
    if (!dangling) return;
    for (const page of dangling.given) {
      if (page >= iovaPage && page < iovaPage + pages) dangling.given.delete(page);
    }
    if (dangling.given.size > 0 && !gone) return;
    this.byMapping.delete(id);
    dangling.open.mappings--;
    if (dangling.open.mappings === 0) dangling.open.handle.ended('unmapped', at);
    else dangling.open.handle.add('unmapped', at);
  }

  /** Mappings of known incidents: pages that were not given away before make it larger, others are echoes. */
  private tellKnown(at: Moment, reaches: readonly Reach[], role: StoryRole): void {
    const echoed = new Set<Open>();
    for (const { id, iovaPages } of reaches) {
      const dangling = this.byMapping.get(id);
      if (!dangling) continue;
      const before = dangling.given.size;
      for (const page of iovaPages) dangling.given.add(page);
      const more = dangling.given.size - before;
      if (more > 0) dangling.open.handle.grow(this.pagesIn(more), at);
      else if (!echoed.has(dangling.open)) dangling.open.handle.echo(role, at);
      echoed.add(dangling.open);
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

  /** The incident of a page that one mapping reaches: the common echo, told without a look at all mappings. */
  private soleIncident(pfn: number): IncidentHandle | undefined {
    const { shadow } = this;
    if (this.byMapping.size === 0 || shadow.accounting.mappingsOf(pfn) !== 1) return undefined;
    for (const [id, { open, given }] of this.byMapping) {
      for (const iovaPage of given) {
        if (shadow.mappings.frameAt(id, iovaPage) === pfn) return open.handle;
      }
    }
    return undefined;
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

  private pagesIn(iovaPages: number): number {
    return Math.max(1, Math.round((iovaPages * FRAME_SIZE) / this.shadow.pageSize));
  }
}
