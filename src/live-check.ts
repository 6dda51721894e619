import { DEFAULT_CHECKS } from './checks/all-checks.ts';
import { Judge } from './checks/judge.ts';
import type { Finding } from './findings/finding.ts';
import type { KernelEvents } from './kernel/events.ts';
import { FRAME_SIZE } from './kernel/units.ts';
import { LossRecord } from './loss-record.ts';
import { type LiveDescription, LiveSource } from './trace/live-source.ts';

/** What is believed of one device at a moment, and what has been seen of it since the beginning. */
export interface DeviceNow {
  /** Absent for mappings whose device no event has told. */
  readonly device?: string;
  readonly driver?: string;
  readonly mappings: number;
  readonly bytes: number;
  /** Mappings made and ended so far. */
  readonly made: number;
  readonly ended: number;
}

/** How the watched kernel is at a moment. */
export interface LiveState {
  readonly events: number;
  readonly lost: number;
  readonly mappings: number;
  readonly bytes: number;
  readonly pagesFreed: number;
  readonly pagesAllocated: number;
  /** Findings so far, by rule. */
  readonly findings: ReadonlyMap<string, number>;
  /** The device with the most mappings first. */
  readonly devices: readonly DeviceNow[];
}

/**
 * Judges a kernel while it runs. Memory grows with what is mapped and with the distinct places in the kernel that were
 * seen, not with time.
 */
export class LiveCheck {
  readonly source: LiveSource;
  private readonly judge: Judge;
  private readonly loss = new LossRecord();
  private readonly ended = new Map<number, number>();
  private readonly found = new Map<string, number>();

  /** @param onFinding called with each new bug at once; when it happens again it is only counted */
  constructor(description: LiveDescription, onFinding: (finding: Finding) => void) {
    this.source = new LiveSource(description);
    this.judge = new Judge({
      names: this.source.names,
      capabilities: this.source.capabilities,
      pageSize: description.pageSize ?? FRAME_SIZE,
      accounting: 'exact',
      checks: DEFAULT_CHECKS,
      onFinding: finding => {
        this.found.set(finding.rule, (this.found.get(finding.rule) ?? 0) + 1);
        onFinding(finding);
      },
    });
    this.follow();
    this.source.playTo(this.alsoCountingLoss(this.judge.events));
  }

  /** What is judged only when nothing more comes; told like the findings before. */
  finish(): void {
    this.source.finish();
    this.judge.finish(this.source.lastNs);
  }

  state(): LiveState {
    const { shadow } = this.judge;
    const { mappings } = shadow;
    const live = new Map<number, { mappings: number; bytes: number }>();
    mappings.forEach(id => {
      const device = shadow.deviceOf(id);
      const sum = live.get(device) ?? { mappings: 0, bytes: 0 };
      sum.mappings++;
      sum.bytes += (mappings.left[id] as number) * FRAME_SIZE;
      live.set(device, sum);
    });
    const { events, uncountedGaps } = this.loss.summary();
    return {
      events: this.source.events,
      lost: events + uncountedGaps,
      mappings: mappings.live,
      bytes: mappings.liveBytes,
      pagesFreed: shadow.pagesFreed,
      pagesAllocated: shadow.pagesAllocated,
      findings: this.found,
      devices: this.devices(live),
    };
  }

  private devices(live: ReadonlyMap<number, { mappings: number; bytes: number }>): DeviceNow[] {
    const { names } = this.source;
    return [...new Set([...live.keys(), ...this.ended.keys()])]
      .map(id => {
        const device = names.device(id);
        const driver = names.driver(this.judge.shadow.devices.get(id).driver);
        const { mappings, bytes } = live.get(id) ?? { mappings: 0, bytes: 0 };
        const ended = this.ended.get(id) ?? 0;
        return {
          ...(device === undefined ? {} : { device }),
          ...(driver === undefined ? {} : { driver }),
          mappings,
          bytes,
          // Whose a mapping is may be told only after it was made.
          made: ended + mappings,
          ended,
        };
      })
      .sort((a, b) => b.mappings - a.mappings || b.made - a.made);
  }

  /** Counts the mappings of each device that have ended. */
  private follow(): void {
    const { shadow } = this.judge;
    const { ended } = this;
    this.judge.follow({
      mappingCut(_at, id, _iovaPage, _pages, gone) {
        if (!gone) return;
        const device = shadow.deviceOf(id);
        ended.set(device, (ended.get(device) ?? 0) + 1);
      },
    });
  }

  private alsoCountingLoss(events: KernelEvents): KernelEvents {
    const { loss } = this;
    return {
      ...events,
      eventsLost(cpu, count, sinceNs, untilNs) {
        loss.eventsLost(cpu, count, sinceNs, untilNs);
        events.eventsLost(cpu, count, sinceNs, untilNs);
      },
    };
  }
}
