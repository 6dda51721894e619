import type { CheckReport } from '../../src/findings/check-report.ts';

/** What a report says, without where and when: the same of every form of one recording. */
export function verdictOf({ findings }: CheckReport): string[] {
  return findings
    .map(
      ({ rule, certainty, count, title, signature }) =>
        `${signature} ${rule} ${certainty} ${count}: ${title}`,
    )
    .sort();
}
