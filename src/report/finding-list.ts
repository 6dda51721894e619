import type { CheckReport } from '../findings/check-report.ts';
import { printable } from './printable.ts';
import { newPage } from './style.ts';
import { findingLine } from './text-finding.ts';
import { wrap } from './wrap.ts';

/** The findings of a report with their numbers and signatures, for whoever wants to name one. */
export function renderFindingList(
  report: CheckReport,
  options: { readonly color: boolean; readonly width: number },
): string {
  const page = newPage(options.width, options.color);
  const { findings } = printable(report);
  if (findings.length === 0) return 'No findings.\n';
  const digits = String(findings.length).length;
  const lines = findings.flatMap((finding, index) => {
    const number = String(index + 1).padStart(digits);
    return wrap(
      `${finding.signature}  ${findingLine(finding, page)}`,
      page.width,
      `${number}  `,
      ' '.repeat(digits + 4),
    );
  });
  return `${lines.join('\n')}\n`;
}
