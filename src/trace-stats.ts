import { RULES } from './checks/all-checks.ts';
import { skippedReason } from './checks/skipped-reason.ts';
import type { EventStats, TraceStats } from './findings/trace-stats.ts';
import { silentEvents } from './kernel/silent-events.ts';
import { LossRecord } from './loss-record.ts';
import { openSource } from './trace/open-source.ts';
import type { Progress, Source } from './trace/source.ts';
import { inputGaps, summarize, traceNotes } from './trace-summary.ts';

export interface TraceStatsOptions {
  readonly onProgress?: Progress;
}

/**
 * Counts what a trace holds and tells which checks can work on it.
 *
 * @param path of a trace.dat; `-` is standard input
 * @throws {@link TraceError} where the input is no trace, or is cut before its event data
 */
export async function traceStats(path: string, options: TraceStatsOptions = {}): Promise<TraceStats> {
  const source = await openSource(path);
  try {
    return await statsOf(source, options);
  } finally {
    source.close();
  }
}

async function statsOf(source: Source, options: TraceStatsOptions): Promise<TraceStats> {
  const loss = new LossRecord();
  const walked = await source.run(
    { ...silentEvents, eventsLost: (cpu, count, since, until) => loss.eventsLost(cpu, count, since, until) },
    options.onProgress,
  );
  const trace = summarize(source, walked);
  const events: EventStats[] = [];
  for (const [id, count] of walked.counts) {
    const format = source.format(id);
    events.push({ id, count, system: format?.system ?? 'unknown', name: format?.name ?? `id ${id}` });
  }
  return {
    schemaVersion: 1,
    trace,
    buffers: source.description.buffers.map(({ name, clock, cpus }) => ({ name, clock, cpus: cpus.length })),
    events: events.sort((a, b) => b.count - a.count || a.id - b.id),
    perCpu: walked.perCpu.map(counts => ({ ...counts, lost: loss.ofCpu(counts.cpu) })),
    lost: loss.summary(),
    gaps: inputGaps(source),
    checks: RULES.map(rule => {
      const reason = skippedReason(rule, source.capabilities);
      return reason === undefined ? { rule: rule.id, works: true } : { rule: rule.id, works: false, reason };
    }),
    notes: traceNotes(source, trace.cpus),
  };
}
