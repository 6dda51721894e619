import type { Moment } from '../kernel/moment.ts';
import type { ShadowChanges } from './changes.ts';
import { type Believed, Drain } from './drain.ts';
import { IovaRuns } from './iova-runs.ts';

/** What is asked of the shadow that has the tables. */
interface Shadowing extends Believed {
  readonly tellsEveryCut: boolean;
}

/** Takes mappings, or parts of them, out of the tables, and with them out of the counts and the records. */
export class Endings {
  private readonly believed: Shadowing;
  private readonly changes: ShadowChanges;
  private readonly drain: Drain;
  /** Runs cut out of the tables by the event in hand. */
  private readonly cut = new IovaRuns();
  /** Every frame of every mapping is counted, as it is but for addresses that no IOMMU can map. */
  countsAll = true;

  constructor(believed: Shadowing, changes: ShadowChanges) {
    this.believed = believed;
    this.changes = changes;
    this.drain = new Drain(believed);
  }

  /** A mapping was made of which more or fewer frames were counted than it has pages. */
  miscounted(): void {
    this.countsAll = false;
  }

  /** A range of a domain was unmapped, or is mapped over. */
  remove(at: Readonly<Moment>, domain: number, page: number, pages: number): void {
    if (pages === 0) return;
    if (pages > 1 && this.isQuiet) {
      this.drain.drain(at, domain, page, pages);
      return;
    }
    this.cut.reset();
    this.believed.tables.clear(domain, page, pages, this.cut);
    this.endCut(at);
  }

  /** A domain is gone. */
  removeDomain(at: Readonly<Moment>, domain: number): void {
    if (this.isQuiet) {
      this.drain.drainDomain(at, domain);
      return;
    }
    this.cut.reset();
    this.believed.tables.dropDomain(domain, this.cut);
    this.endCut(at);
  }

  /** Whether nobody is told anything, whatever is cut. */
  private get isQuiet(): boolean {
    return this.countsAll && this.believed.mappings.watchedLive === 0 && !this.believed.tellsEveryCut;
  }

  private endCut(at: Readonly<Moment>): void {
    const { cut } = this;
    for (let i = 0; i < cut.count; i++) {
      this.end(at, cut.id[i] as number, cut.page[i] as number, cut.pages[i] as number);
    }
  }

  /** Ends a run of pages of a mapping that is not in the tables any more. */
  end(at: Readonly<Moment>, id: number, iovaPage: number, pages: number): void {
    const { mappings, former, kinds, accounting, tellsEveryCut } = this.believed;
    accounting.removed(at, mappings.frameAt(id, iovaPage), pages);
    const gone = mappings.cut(id, pages);
    former.note(at, id, iovaPage, pages);
    if (gone) kinds.end(mappings.stackOf(id), mappings.timeOf(id), at.timeNs);
    if (mappings.watched[id] !== 0) this.changes.watchedCut(at, id, iovaPage, pages, gone);
    if (tellsEveryCut) this.changes.mappingCut(at, id, iovaPage, pages, gone);
    if (gone) mappings.release(id);
  }
}
