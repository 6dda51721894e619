import type { CheckReport, FindingSummary } from './check-report.ts';
import type { Finding } from './finding.ts';

/** Findings of an earlier run: what is known already. */
export interface Baseline {
  readonly file: string;
  readonly findings: readonly Finding[];
}

/**
 * The report with each finding called new or known, by its signature, and with what is gone. A finding that only the
 * suppressions of one of the two runs took away is neither new nor gone.
 */
export function compareWithBaseline(report: CheckReport, { file, findings: earlier }: Baseline): CheckReport {
  const known = new Set(earlier.map(({ signature }) => signature));
  const findings = report.findings.map(
    (finding): Finding => ({ ...finding, baseline: known.has(finding.signature) ? 'known' : 'new' }),
  );
  const seen = new Set(
    [...report.findings, ...(report.suppressed ?? []).map(({ finding }) => finding)].map(
      ({ signature }) => signature,
    ),
  );
  return {
    ...report,
    findings,
    baseline: { file, gone: earlier.filter(({ signature }) => !seen.has(signature)).map(summaryOf) },
  };
}

/** All findings of stored reports, suppressed ones included: whoever lives with a finding knows it. */
export function findingsOf(reports: readonly CheckReport[]): Finding[] {
  return reports.flatMap(({ findings, suppressed = [] }) => [
    ...findings,
    ...suppressed.map(({ finding }) => finding),
  ]);
}

export function summaryOf({ rule, severity, signature, title, count }: Finding): FindingSummary {
  return { rule, severity, signature, title, count };
}
