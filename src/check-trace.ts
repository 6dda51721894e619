import { type CheckSourceOptions, checkSource } from './check-source.ts';
import { DmesgFaults } from './dmesg-faults.ts';
import type { CheckReport } from './findings/check-report.ts';
import { withLives } from './lives-of.ts';
import { logBeside, logNotes } from './log-beside.ts';
import { followSeries } from './timeline/follow-series.ts';
import { openSource } from './trace/open-source.ts';

export interface CheckTraceOptions extends CheckSourceOptions {
  /** A kernel's log of the same boot, whose IOMMU faults are judged with the trace. */
  readonly dmesg?: string;
  /** Also tell the life of the page of each finding, for which the trace is read twice, and how mappings went over time. */
  readonly detail?: boolean;
}

/**
 * Checks a recorded trace. The file is read from beginning to end in this thread; memory grows with what is live in
 * it, not with its length.
 *
 * @param path of a trace.dat; `-` is standard input
 * @throws {@link TraceError} where the input is no trace, or is cut before its event data
 */
export async function checkTrace(path: string, options: CheckTraceOptions = {}): Promise<CheckReport> {
  const log = options.dmesg === undefined ? undefined : await logBeside(path, options.dmesg);
  const source = await openSource(path);
  let report: CheckReport;
  try {
    report = await checkSource(source, options, {
      ...(log && { faults: new DmesgFaults(log.dmesg, log.clock, source.names) }),
      ...(options.detail === true && { followSeries }),
      notes: logNotes(log),
    });
  } finally {
    source.close();
  }
  return options.detail === true ? withLives(path, report, options) : report;
}
