import { readFileSync } from 'node:fs';
import { type Baseline, compareWithBaseline, findingsOf } from '../findings/baseline.ts';
import type { CheckReport } from '../findings/check-report.ts';
import { type Suppression, Suppressions } from '../findings/suppression.ts';
import { type TextIo, write } from './io.ts';

/** What is said of findings before they are looked at: which to live with, and which are known. */
export interface Expectations {
  apply(report: CheckReport): CheckReport;
  /** Says on standard error which suppressions were not needed; of use after the last report. */
  warnOfUnused(io: TextIo): Promise<void>;
}

/**
 * Reads suppressions and baseline, each where a file is named.
 *
 * @throws SettingsError, StoredReportError or the system's error
 */
export async function loadExpectations(
  suppressionsFile: string | undefined,
  baselineFile: string | undefined,
): Promise<Expectations> {
  const suppressions = new Suppressions(
    suppressionsFile === undefined ? [] : await readSuppressions(suppressionsFile),
  );
  const baseline = baselineFile === undefined ? undefined : await readBaseline(baselineFile);
  return {
    apply(report) {
      const kept = suppressions.apply(report);
      return baseline === undefined ? kept : compareWithBaseline(kept, baseline);
    },
    async warnOfUnused({ stderr }) {
      for (const { file, line } of suppressions.unused()) {
        await write(stderr, `iommusan: warning: ${file}, line ${line}: no finding needs this suppression.\n`);
      }
    },
  };
}

async function readSuppressions(file: string): Promise<Suppression[]> {
  const { parseSuppressions } = await import('../settings/suppressions.ts');
  return parseSuppressions(readFileSync(file, 'utf8'), file);
}

async function readBaseline(file: string): Promise<Baseline> {
  const { parseStoredReports } = await import('../settings/stored-reports.ts');
  return { file, findings: findingsOf(parseStoredReports(readFileSync(file, 'utf8'), file)) };
}
