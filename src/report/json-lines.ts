import type { CheckReport } from '../findings/check-report.ts';
import { UNPRINTABLE, unicodeEscape } from './printable.ts';

/**
 * One JSON object a line: for each trace its report without the findings, then each finding with the name of the
 * trace. A `type` tells them apart.
 */
export function renderJsonLines(reports: readonly CheckReport[]): string {
  return reports
    .flatMap(({ findings, suppressed = [], ...report }) => {
      const trace = report.trace.files.join(', ');
      return [
        { type: 'report', ...report },
        ...findings.map(finding => ({ type: 'finding', trace, ...finding })),
        ...suppressed.map(one => ({ type: 'suppressed', trace, ...one })),
      ];
    })
    .map(value => `${line(value)}\n`)
    .join('');
}

/** No character in it could command a terminal, nor end the line for a reader that knows Unicode's line ends. */
function line(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, unicodeEscape);
}
