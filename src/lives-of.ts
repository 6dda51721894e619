import { Judge } from './checks/judge.ts';
import { DmesgFaults } from './dmesg-faults.ts';
import type { AccountingMode, CheckReport } from './findings/check-report.ts';
import type { Finding } from './findings/finding.ts';
import type { Life } from './findings/life.ts';
import { logBeside } from './log-beside.ts';
import { followLives, type LifeOptions } from './timeline/follow-lives.ts';
import { openSource } from './trace/open-source.ts';
import type { Progress } from './trace/source.ts';

/** Findings of one report whose lives are told; of so many, nobody looks at the last. */
const MOST_LIVES = 200;

/** Events that are kept for all lives of one report together, beside those of the stories. */
const MOST_EVENTS = 4000;

/** Events that are kept of one life, however few there are. */
const MOST_OF_ONE = 48;

/** Frames of each stack: the story of a finding has its stacks in full. */
const FRAMES = 3;

export interface LivesOptions extends LifeOptions {
  /** As in the check that found them. */
  readonly accounting: AccountingMode;
  /** As in the check that found them. */
  readonly dmesg?: string;
  readonly onProgress?: Progress;
}

/**
 * Reads a trace again and tells what happened to the page, the mapping and the device of each finding in it.
 *
 * @param path of the trace that the findings are of; standard input cannot be read again
 * @throws {@link TraceError} where it cannot be read
 */
export async function livesOf(
  path: string,
  findings: readonly Finding[],
  options: LivesOptions,
): Promise<Life[]> {
  const log = options.dmesg === undefined ? undefined : await logBeside(path, options.dmesg);
  const source = await openSource(path);
  try {
    const { capabilities, description } = source;
    const faults = log && new DmesgFaults(log.dmesg, log.clock, source.names);
    const names = faults?.names ?? source.names;
    // The rules have said what they have to say: only the shadow is needed.
    const judge = new Judge({
      names,
      capabilities,
      pageSize: description.pageSize,
      accounting: options.accounting,
      checks: [],
    });
    const lives = followLives(judge.shadow, names, findings, options);
    judge.follow(lives.follower);
    const walked = await source.run(faults?.among(judge.events) ?? judge.events, options.onProgress);
    faults?.finish(judge.events, walked.lastNs);
    return lives.result();
  } finally {
    source.close();
  }
}

/** The report with the lives of its first findings. */
export async function withLives(
  path: string,
  report: CheckReport,
  { dmesg, onProgress }: Pick<LivesOptions, 'dmesg' | 'onProgress'>,
): Promise<CheckReport> {
  const told = report.findings.slice(0, MOST_LIVES);
  if (told.length === 0) return report;
  if (path === '-') {
    const note = 'Standard input cannot be read twice: the lives of the pages are not told.';
    return { ...report, notes: [...report.notes, note] };
  }
  const lives = await livesOf(path, told, {
    accounting: report.accounting.mode,
    mostEvents: Math.min(MOST_OF_ONE, Math.ceil(MOST_EVENTS / told.length)),
    frames: FRAMES,
    ...(dmesg !== undefined && { dmesg }),
    ...(onProgress && { onProgress }),
  });
  const findings = report.findings.map((finding, index): Finding => {
    const life = lives[index];
    return life === undefined ? finding : { ...finding, life };
  });
  return { ...report, findings };
}
