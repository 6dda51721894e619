import { ALL_CHECKS } from './checks/all-checks.ts';
import type { CheckDefinition } from './checks/check.ts';
import { Judge } from './checks/judge.ts';
import type { DmesgFaults } from './dmesg-faults.ts';
import { type AccountingMode, type CheckReport, SCHEMA_VERSION } from './findings/check-report.ts';
import type { Finding } from './findings/finding.ts';
import type { KernelEvents } from './kernel/events.ts';
import { fitsLane, runInLane } from './lane/index.ts';
import { LossRecord } from './loss-record.ts';
import { defaultReorderWindowNs } from './reorder-window.ts';
import type { followSeries } from './timeline/follow-series.ts';
import type { Progress, Source } from './trace/source.ts';
import { inputGaps, summarize, symbolNotes, traceNotes } from './trace-summary.ts';
import { VERSION } from './version.ts';

/** How a source is checked. */
export interface CheckSourceOptions {
  /** Default `exact`. */
  readonly accounting?: AccountingMode;
  /** Ids of the only rules to apply; default all that are on by default. */
  readonly only?: readonly string[];
  /** Ids of rules to apply beside those that are on by default. */
  readonly enable?: readonly string[];
  /** Ids of rules not to apply. */
  readonly skip?: readonly string[];
  /**
   * Nanoseconds that events of different CPUs may be apart and still be in the wrong order: what rests on their order is
   * possible, not certain. Default 0, and 10 ms for the clocks `local` and `uptime` on more than one CPU.
   */
  readonly reorderWindowNs?: number;
  /** `false`: every event takes the long way, none that of compiled code (`lane/`). The report is the same. */
  readonly compiled?: boolean;
  /**
   * Whether the chunks of a compressed trace.dat are unpacked in a thread of its own, ahead of the one that reads them.
   * Default where there is so much of it that the thread pays, and events may take the way of compiled code.
   */
  readonly unpackAhead?: boolean;
  /** Called now and then while reading, with the bytes of event data read so far, and their sum. */
  readonly onProgress?: Progress;
  /** Called with each finding when it is first reported, before its end is known: for tools that do not wait for the end. */
  readonly onFinding?: (finding: Finding) => void;
}

/** What may be told beside the events. It is handed in, so that a check without it does not load it. */
export interface Beside {
  /** Faults of a kernel's log. */
  readonly faults?: DmesgFaults;
  /** Follows how mappings go over time. */
  readonly followSeries?: typeof followSeries;
  readonly notes?: readonly string[];
}

/** Checks a source that is open, and stays open; see {@link checkTrace}. */
export async function checkSource(
  source: Source,
  options: CheckSourceOptions,
  { faults, followSeries, notes }: Beside = {},
): Promise<CheckReport> {
  const mode = options.accounting ?? 'exact';
  const names = faults?.names ?? source.names;
  if (faults && faults.count > 0) source.capabilities.hasFaults = true;
  const judge = new Judge({
    names,
    capabilities: source.capabilities,
    pageSize: source.description.pageSize,
    accounting: mode,
    checks: selectChecks(options),
    reorderWindowNs: options.reorderWindowNs ?? defaultReorderWindowNs(source.description.buffers),
    ...(options.onFinding && { onFinding: options.onFinding }),
  });
  const series = followSeries?.(judge.shadow);
  if (series) judge.follow(series.follower);
  const loss = new LossRecord();
  const events = alsoTelling(faults?.among(judge.events) ?? judge.events, loss);
  const walked =
    options.compiled !== false && !faults && fitsLane(source, judge)
      ? await runInLane(source, judge, events, options.onProgress, options.unpackAhead)
      : await source.run(events, options.onProgress);
  faults?.finish(judge.events, walked.lastNs);
  const trace = summarize(source, walked);
  const { shadow } = judge;
  const { kernelWarnings } = shadow.accounting;
  const findings = judge.finish(walked.lastNs);
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: { name: 'iommusan', version: VERSION },
    trace,
    accounting: {
      mode,
      mappingsMade: shadow.mappings.made,
      mappingsLive: shadow.mappings.live,
      bytesLive: shadow.mappings.liveBytes,
      pagesAllocated: shadow.pagesAllocated,
      pagesFreed: shadow.pagesFreed,
      ...(kernelWarnings === undefined ? {} : { kernelWarnings }),
    },
    lost: loss.summary(),
    gaps: inputGaps(source),
    findings,
    skippedChecks: judge.skipped(),
    notes: [...traceNotes(source, trace.cpus), ...(notes ?? []), ...symbolNotes(source, findings)],
    ...(series && { series: series.result(names, walked.lastNs) }),
  };
}

function selectChecks({ only, enable, skip }: CheckSourceOptions): readonly CheckDefinition[] {
  return ALL_CHECKS.filter(({ rule: { id, isOffByDefault } }) => {
    const isWanted = only?.includes(id) ?? !isOffByDefault;
    return (isWanted || enable?.includes(id)) && !skip?.includes(id);
  });
}

/** The same events, with the losses also told to `loss`. */
function alsoTelling(events: KernelEvents, loss: LossRecord): KernelEvents {
  return {
    ...events,
    eventsLost(cpu, count, sinceNs, untilNs) {
      loss.eventsLost(cpu, count, sinceNs, untilNs);
      events.eventsLost(cpu, count, sinceNs, untilNs);
    },
  };
}
