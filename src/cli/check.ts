import type { AccountingMode, CheckReport } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import type { CheckTraceOptions, Engine } from './engine.ts';
import { EXIT, type ExitCode, type FailOn, worse } from './exit-code.ts';
import type { Expectations } from './expectations.ts';
import { type Output, type TextIo, write } from './io.ts';
import { problemOf } from './problem.ts';
import { openReports, type ReportOptions } from './report-output.ts';
import { verifySelection } from './rule-selection.ts';
import { defaultSuppressions } from './setting-names.ts';
import { UsageError } from './usage-error.ts';

/** Options of `iommusan check`, as commander hands them over. */
export interface CheckOptions extends ReportOptions {
  readonly accounting: AccountingMode;
  readonly only: readonly string[];
  readonly enable: readonly string[];
  readonly skip: readonly string[];
  /** A kernel's log of the same boot. */
  readonly dmesg?: string;
  /** Lost events that are accepted; no limit where absent. */
  readonly maxLost?: number;
  /** Nanoseconds within which events of different CPUs may be in the wrong order. */
  readonly reorderWindow?: number;
  /** A file, or false where even `iommusan.suppressions` is to be passed over. */
  readonly suppressions?: string | false;
  /** A stored report. */
  readonly baseline?: string;
  /** Where absent: `new` with a baseline, else `all`. */
  readonly failOn?: FailOn;
  /** Also follow the page of each finding through the trace, and how mappings went over time. */
  readonly detail?: boolean;
  readonly progress: boolean;
}

/** What `iommusan check` does where nothing else is asked for. */
export const DEFAULT_CHECK: Omit<CheckOptions, 'color'> = {
  format: 'text',
  accounting: 'exact',
  only: [],
  enable: [],
  skip: [],
  progress: true,
};

/** What a check needs of the library. */
export type CheckEngine = Pick<Engine, 'RULES' | 'checkTrace'>;

/** `iommusan check`: reads one trace after the other and writes a report of each. */
export async function check(
  files: readonly string[],
  options: CheckOptions,
  io: TextIo,
  loadEngine: () => Promise<CheckEngine>,
): Promise<ExitCode> {
  if (files.filter(file => file === '-').length > 1) {
    throw new UsageError("standard input ('-') can be read only once.");
  }
  if (options.failOn === 'new' && options.baseline === undefined) {
    throw new UsageError('--fail-on new needs --baseline: a stored report that says what is known.');
  }
  const engine = await loadEngine();
  verifySelection(options, engine.RULES);
  const expectations = await expectationsOf(options);
  const reports = await openReports(options, files.length, engine.RULES, io);

  let exitCode: ExitCode = EXIT.clean;
  for (const file of files) {
    const started = uptimeMs();
    const found = await checkOne(file, options, io, engine);
    if (found === undefined) {
      exitCode = worse(exitCode, EXIT.unreadable);
      continue;
    }
    const report = expectations?.apply(found) ?? found;
    exitCode = worse(exitCode, exitCodeOf(report, options));
    const isOpen = await reports.add(report, uptimeMs() - started);
    if (!isOpen) return exitCode;
  }
  await reports.finish();
  await expectations?.warnOfUnused(io);
  return exitCode;
}

/** The exit code that a report of one trace asks for. */
export function exitCodeOf(
  { lost, findings }: CheckReport,
  { maxLost = Number.POSITIVE_INFINITY, failOn = 'new' }: Pick<CheckOptions, 'maxLost' | 'failOn'> = {},
): ExitCode {
  // A gap that the kernel did not count stands for one event: at least that many are missing.
  if (lost.events + lost.uncountedGaps > maxLost) return EXIT.tooMuchLost;
  // Without a baseline no finding is known, so that all are new.
  const fails = ({ severity, baseline }: Finding): boolean =>
    severity !== 'note' && (failOn === 'all' || (failOn === 'new' && baseline !== 'known'));
  return findings.some(fails) ? EXIT.findings : EXIT.clean;
}

async function expectationsOf(options: CheckOptions): Promise<Expectations | undefined> {
  const suppressions =
    options.suppressions === false ? undefined : (options.suppressions ?? defaultSuppressions());
  if (suppressions === undefined && options.baseline === undefined) return undefined;
  const { loadExpectations } = await import('./expectations.ts');
  return loadExpectations(suppressions, options.baseline);
}

/** @returns undefined when the trace cannot be read, which has been said on standard error */
async function checkOne(
  file: string,
  checkOptions: CheckOptions,
  io: TextIo,
  engine: CheckEngine,
): Promise<CheckReport | undefined> {
  const { accounting, only, enable, skip, dmesg } = checkOptions;
  const progress =
    checkOptions.progress && io.stderr.isTTY === true
      ? (await import('./progress.ts')).newProgress(file, io.stderr as Output) // A terminal is Node's own stream.
      : undefined;
  const options: CheckTraceOptions = {
    accounting,
    ...(only.length > 0 && { only }),
    ...(enable.length > 0 && { enable }),
    ...(skip.length > 0 && { skip }),
    ...(dmesg !== undefined && { dmesg }),
    // The page shows time lines and charts.
    ...((checkOptions.detail === true || checkOptions.format === 'html') && { detail: true }),
    ...(checkOptions.reorderWindow !== undefined && { reorderWindowNs: checkOptions.reorderWindow }),
    ...(progress && { onProgress: progress.report }),
  };
  try {
    return await engine.checkTrace(file, options);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.exitCode !== EXIT.unreadable) throw error;
    progress?.stop();
    await write(io.stderr, `iommusan: ${problem.message}\n`);
    return undefined;
  } finally {
    progress?.stop();
  }
}

/** Milliseconds on a clock that only goes forward; `performance` would be loaded for it first. */
function uptimeMs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * 1000 + ns / 1e6;
}
