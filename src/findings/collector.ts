import { copyMoment, type Moment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import type { Certainty, Finding, StoryEvent, StoryRole } from './finding.ts';
import type { Incident, IncidentEvent, IncidentHandle } from './incident.ts';
import { kernelFrames } from './recording-frames.ts';
import type { Severity } from './rule.ts';
import { signatureOf } from './signature.ts';

/** Echoes of the sample that are told in its story; more are only counted. */
const ECHOES_TOLD = 2;

/** Later events of the sample that are told: a page may be mapped hundreds of times. */
const LATER_TOLD = 8;

/** All occurrences of one bug; the story is that of the sample. */
interface Group {
  readonly signature: string;
  sample: Incident;
  later: IncidentEvent[];
  endedAt: Moment | undefined;
  count: number;
  pages: number;
  echoes: number;
  firstNs: number;
  lastNs: number;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'note'];

/** Makes findings of incidents: one bug is one finding, however often it happens. */
export class FindingCollector {
  private readonly names: SourceNames;
  private readonly groups = new Map<string, Group>();
  /** Signatures that were computed, by the numbers that they are made of. */
  private readonly signatures = new Map<string, string>();
  private readonly onNew: ((finding: Finding) => void) | undefined;
  private readonly reorderWindowNs: number;
  /** Incidents that would not be certain if events of two CPUs came in the other order. */
  private readonly doubted = new Set<Incident>();
  private doubtsAll = false;

  /** @param onNew called with each finding when it is first reported: its story is that of the time until then */
  constructor(names: SourceNames, onNew?: (finding: Finding) => void, reorderWindowNs = 0) {
    this.names = names;
    this.onNew = onNew;
    this.reorderWindowNs = reorderWindowNs;
  }

  /** Events are missing of which nobody knows when they were: nothing is certain. */
  doubtAll(): void {
    this.doubtsAll = true;
  }

  report(incident: Incident): IncidentHandle {
    const signature = this.signature(incident);
    const { timeNs } = incident.fired.at;
    for (const { at } of incident.others) this.doubtOrder(incident, at);
    let group = this.groups.get(signature);
    const isNew = group === undefined;
    if (!group) {
      group = {
        signature,
        sample: incident,
        later: [],
        endedAt: undefined,
        count: 0,
        pages: 0,
        echoes: 0,
        firstNs: timeNs,
        lastNs: timeNs,
      };
      this.groups.set(signature, group);
    } else if (this.isBetterSample(incident, group.sample)) {
      // Its title, severity and certainty must be the finding's.
      group.sample = incident;
      group.later = [];
      group.endedAt = undefined;
    }
    group.count++;
    group.pages += incident.pages;
    // A verdict that waits, such as for the end of an unbind, comes later than its event.
    group.firstNs = Math.min(group.firstNs, timeNs);
    group.lastNs = Math.max(group.lastNs, timeNs);
    if (isNew) this.onNew?.(this.finding(group, timeNs));
    return this.handleOf(group, incident);
  }

  /** The findings, errors first, each kind in the order of first occurrence. */
  findings(lastNs: number): Finding[] {
    const findings = [...this.groups.values()].map(group => this.finding(group, lastNs));
    return findings.sort(
      (a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || a.firstNs - b.firstNs,
    );
  }

  private signature(incident: Incident): string {
    const key = `${incident.rule.id}\n${incident.driver}\n${incident.signatureStacks.join(' ')}`;
    let signature = this.signatures.get(key);
    if (signature === undefined) {
      const driver = incident.driver ?? this.moduleOf(incident);
      const stacks = incident.signatureStacks.map(stack => this.names.stack(stack));
      signature = signatureOf(incident.rule.id, driver, stacks);
      this.signatures.set(key, signature);
    }
    return signature;
  }

  /** A driver that was bound before the trace began is known by the module in a stack. */
  private moduleOf(incident: Incident): string | undefined {
    for (const stack of incident.signatureStacks) {
      const frame = kernelFrames(this.names.stack(stack)).find(({ module }) => module !== undefined);
      if (frame) return frame.module;
    }
    return undefined;
  }

  private finding(group: Group, lastNs: number): Finding {
    const { sample } = group;
    // At equal times (a coarse clock) what led to the fired event comes before it.
    const events = [...sample.others, sample.fired, ...group.later].sort((a, b) => a.at.timeNs - b.at.timeNs);
    const driver = sample.driver ?? this.moduleOf(sample);
    return {
      rule: sample.rule.id,
      severity: severityOf(sample),
      certainty: this.certaintyOf(sample),
      title: sample.title,
      signature: group.signature,
      count: group.count,
      pages: group.pages,
      echoes: group.echoes,
      firstNs: group.firstNs,
      lastNs: group.lastNs,
      ...(sample.device === undefined ? {} : { device: sample.device }),
      ...(driver === undefined ? {} : { driver }),
      ...(sample.page ? { page: sample.page } : {}),
      ...(sample.mapping ? { mapping: sample.mapping } : {}),
      otherMappings: sample.otherMappings ?? [],
      facts: sample.facts ?? [],
      story: events.map(event => this.storyEvent(event)),
      firedAt: events.indexOf(sample.fired),
      ...(sample.reachable
        ? {
            reachable: {
              durationNs: (group.endedAt?.timeNs ?? Math.max(lastNs, group.lastNs)) - sample.fired.at.timeNs,
              ended: group.endedAt !== undefined,
            },
          }
        : {}),
      advice: sample.rule.advice,
    };
  }

  private storyEvent({ role, at }: IncidentEvent): StoryEvent {
    const location = this.names.locate(at.position);
    return {
      role,
      timeNs: at.timeNs,
      cpu: at.cpu,
      pid: at.pid,
      task: this.names.task(at.pid),
      stack: this.names.stack(at.stack),
      ...(location ? { location } : {}),
    };
  }

  private certaintyOf(incident: Incident): Certainty {
    return this.doubtsAll || this.doubted.has(incident) ? 'possible' : incident.certainty;
  }

  /** An event of another CPU so near to the fired one that it may have come on its other side. */
  private doubtOrder(incident: Incident, at: Readonly<Moment>): void {
    const { fired } = incident;
    if (at.cpu === fired.at.cpu || this.reorderWindowNs === 0) return;
    if (Math.abs(at.timeNs - fired.at.timeNs) <= this.reorderWindowNs) this.doubted.add(incident);
  }

  /** Of two occurrences the worse one stands for all, then the one that is certain, then the first. */
  private isBetterSample(incident: Incident, sample: Incident): boolean {
    const worse = ORDER.indexOf(severityOf(sample)) - ORDER.indexOf(severityOf(incident));
    if (worse !== 0) return worse > 0;
    return this.certaintyOf(sample) === 'possible' && this.certaintyOf(incident) === 'certain';
  }

  /** Later events go into the story only for the sample; all occurrences are counted. */
  private handleOf(group: Group, incident: Incident): IncidentHandle {
    let told = 0;
    const tell = (role: StoryRole, at: Readonly<Moment>): void => {
      if (group.sample === incident && group.later.length < LATER_TOLD)
        group.later.push({ role, at: copyMoment(at) });
    };
    return {
      echo(role, at) {
        group.echoes++;
        group.lastNs = Math.max(group.lastNs, at.timeNs);
        if (told++ < ECHOES_TOLD) tell(role, at);
      },
      grow(pages, at) {
        group.pages += pages;
        group.lastNs = Math.max(group.lastNs, at.timeNs);
      },
      add: (role, at) => {
        this.doubtOrder(incident, at);
        tell(role, at);
      },
      ended: (role, at) => {
        this.doubtOrder(incident, at);
        if (group.sample !== incident || group.endedAt) return;
        group.endedAt = copyMoment(at);
        group.later.push({ role, at: group.endedAt });
      },
    };
  }
}

function severityOf({ severity, rule }: Incident): Severity {
  return severity ?? rule.severity;
}
