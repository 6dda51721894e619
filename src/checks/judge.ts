import type { AccountingMode, SkippedCheck } from '../findings/check-report.ts';
import { FindingCollector } from '../findings/collector.ts';
import type { Finding } from '../findings/finding.ts';
import type { KernelEvents } from '../kernel/events.ts';
import { silentEvents } from '../kernel/silent-events.ts';
import type { Capabilities, SourceNames } from '../kernel/source.ts';
import type { ShadowChanges } from '../shadow/changes.ts';
import { Shadow } from '../shadow/shadow.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { DanglingMappings } from './dangling-mappings.ts';
import { Departures } from './departures.ts';
import { DmaUnmaps } from './dma-unmaps.ts';
import type { Follower } from './follower.ts';
import { inTurn } from './in-turn.ts';
import { MAP, UNMAP, Wanted } from './ordinary.ts';
import { skippedReason } from './skipped-reason.ts';
import { UnequalUnmaps } from './unequal-unmaps.ts';

export interface JudgeOptions {
  readonly names: SourceNames;
  /** The source's own object: it may grow while events come. */
  readonly capabilities: Readonly<Capabilities>;
  /** The kernel's page size in bytes. */
  readonly pageSize: number;
  readonly accounting: AccountingMode;
  readonly checks: readonly CheckDefinition[];
  /** Events of different CPUs that are no further apart may be in the wrong order; default 0. */
  readonly reorderWindowNs?: number;
  /** Called with each finding when it is first reported, before its end is known. */
  readonly onFinding?: (finding: Finding) => void;
}

/**
 * Judges the events of any source: {@link events} takes them, first for the checks, then for the shadow.
 */
export class Judge {
  /** Takes the events; another one once somebody {@link follow}s. */
  events: KernelEvents;
  readonly shadow: Shadow;
  /** Which ordinary events the checks want to see. */
  readonly wanted: Wanted;
  private readonly options: JudgeOptions;
  private readonly findings: FindingCollector;
  private readonly checks: readonly Check[];
  private readonly departures: Departures;
  private readonly followers: Followers = { mapOver: [], watchedCut: [], mappingCut: [], countFault: [] };

  constructor(options: JudgeOptions) {
    this.options = options;
    this.findings = new FindingCollector(options.names, options.onFinding, options.reorderWindowNs);
    const { followers } = this;
    this.shadow = new Shadow({
      pageSize: options.pageSize,
      accounting: options.accounting,
      changes: changesFor(followers),
    });
    const dangling = new DanglingMappings(this.shadow);
    this.departures = new Departures(this.shadow, options.names);
    const dmaUnmaps = new DmaUnmaps(this.shadow);
    const unequalUnmaps = new UnequalUnmaps();
    const context: CheckContext = {
      shadow: this.shadow,
      findings: this.findings,
      names: options.names,
      capabilities: options.capabilities,
      dangling,
      departures: this.departures,
      dmaUnmaps,
      unequalUnmaps,
    };
    this.checks = options.checks.map(definition => definition.create(context));
    followers.mapOver.push(...this.checks.filter(check => check.mapOver));
    followers.watchedCut.push(dangling, this.departures, ...this.checks.filter(check => check.watchedCut));
    followers.mappingCut.push(...this.checks.filter(check => check.mappingCut));
    this.shadow.tellsEveryCut = followers.mappingCut.length > 0;
    followers.countFault.push(...this.checks.filter(check => check.countFault));
    const judges = [this.departures, dmaUnmaps, unequalUnmaps, ...this.checks];
    const { found } = this.shadow;
    this.wanted = new Wanted([
      ...judges,
      // An unmap is then also one of what was found.
      { wantsOrdinary: () => (found.isReading || !found.isEmpty ? MAP | UNMAP : 0) },
    ]);
    this.events = inTurn([...judges, this.losses()], this.shadow);
  }

  private losses(): Partial<KernelEvents> {
    return {
      eventsLost: (_cpu, _count, _sinceNs, untilNs) => {
        if (untilNs === Number.POSITIVE_INFINITY) this.findings.doubtAll();
      },
    };
  }

  /** Whether somebody watches all events. */
  isFollowed = false;

  /** Lets somebody watch, who is told of each event after the shadow has believed it. To be called before any event. */
  follow(follower: Follower): void {
    this.isFollowed = true;
    if (follower.mapOver) this.followers.mapOver.push(follower);
    if (follower.watchedCut) this.followers.watchedCut.push(follower);
    if (follower.mappingCut) {
      this.followers.mappingCut.push(follower);
      this.shadow.tellsEveryCut = true;
    }
    if (follower.countFault) this.followers.countFault.push(follower);
    this.events = inTurn([this.events], { ...silentEvents, ...follower });
  }

  /** The verdict, when the source is at its end; `lastNs` is the time of its last event. */
  finish(lastNs: number): Finding[] {
    this.departures.finish();
    for (const check of this.checks) check.finish?.(lastNs);
    return this.findings.findings(lastNs);
  }

  /** Checks that the source did not show enough for; complete when it is at its end. */
  skipped(): SkippedCheck[] {
    return this.options.checks.flatMap(({ rule }) => {
      const reason = skippedReason(rule, this.options.capabilities);
      return reason === undefined ? [] : [{ rule: rule.id, reason }];
    });
  }
}

/** Who follows the changes of the shadow; checks come after it, because they are made with it. */
interface Followers {
  readonly mapOver: Partial<ShadowChanges>[];
  readonly watchedCut: Partial<ShadowChanges>[];
  readonly mappingCut: Partial<ShadowChanges>[];
  readonly countFault: Partial<ShadowChanges>[];
}

function changesFor(followers: Followers): ShadowChanges {
  return {
    mapOver(at, domain, iova, phys, size) {
      for (const follower of followers.mapOver) follower.mapOver?.(at, domain, iova, phys, size);
    },
    watchedCut(at, id, iovaPage, pages, gone) {
      for (const follower of followers.watchedCut) follower.watchedCut?.(at, id, iovaPage, pages, gone);
    },
    mappingCut(at, id, iovaPage, pages, gone) {
      const { mappingCut } = followers;
      for (let i = 0; i < mappingCut.length; i++) mappingCut[i]?.mappingCut?.(at, id, iovaPage, pages, gone);
    },
    countFault(at, pfn, fault) {
      for (const follower of followers.countFault) follower.countFault?.(at, pfn, fault);
    },
  };
}
