import type { CheckReport } from '../../src/findings/check-report.ts';

/** A time in a title, which depends on the last event of the trace and on the digits of its times. */
const DURATION = /\d+(\.\d+)? (ns|µs|ms|s)\b/g;

/** What a report says, without where and when: the same of every form of one recording. */
export function verdictOf({ findings }: CheckReport): string[] {
  return findings
    .map(({ rule, certainty, count, title, signature }) => {
      return `${signature} ${rule} ${certainty} ${count}: ${title.replace(DURATION, 'a time')}`;
    })
    .sort();
}
