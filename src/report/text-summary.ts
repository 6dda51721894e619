import type { CheckReport } from '../findings/check-report.ts';
import type { Severity } from '../findings/rule.ts';
import { formatDuration, formatElapsed } from './durations.ts';
import { hasLoss, lossText } from './loss-words.ts';
import type { Paragraph } from './paragraphs.ts';
import type { Page } from './style.ts';
import { counted, formatCount } from './words.ts';

/** What stands first: which trace, of which kernel, and whether it is complete. */
export function header({ trace, lost }: CheckReport, page: Page): Paragraph {
  const { files, kernel, format, clock } = trace;
  const source = [kernel ?? 'kernel unknown', format, `clock ${clock}`].join(' · ');
  const lines = [`${page.style.heading(files.join(', '))} · ${source}`];
  if (hasLoss(lost)) lines.push(page.style.alarm('EVENTS LOST: the end of this report says which.'));
  return lines;
}

/** The last line, one line whatever the width: what was looked at, and the verdict. */
export function summaryLine(report: CheckReport, page: Page, elapsedMs: number | undefined): string {
  const { trace, accounting, lost } = report;
  const parts = [
    `${counted(trace.events, 'event')}, ${counted(trace.cpus, 'CPU')}, ` +
      `${formatDuration(trace.lastNs - trace.firstNs)} traced`,
    `${counted(accounting.mappingsMade, 'mapping')} made, ${formatCount(accounting.mappingsLive)} live at the end`,
    `${counted(accounting.pagesAllocated, 'page')} allocated, ${formatCount(accounting.pagesFreed)} freed`,
  ];
  if (accounting.kernelWarnings !== undefined) {
    parts.push(`the in-kernel sanitizer would have printed ${counted(accounting.kernelWarnings, 'warning')}`);
  }
  parts.push(hasLoss(lost) ? page.style.alarm(`EVENTS LOST: ${lossText(lost)}`) : 'no events lost');
  if (elapsedMs !== undefined) parts.push(`checked in ${formatElapsed(elapsedMs)}`);
  parts.push(verdict(report, page));
  return parts.join(' · ');
}

/** `no findings`, `no findings, 2 notes`, `3 findings: 1 error, 2 warnings, 1 note`. */
function verdict({ findings }: CheckReport, page: Page): string {
  const count = (severity: Severity): number => findings.filter(found => found.severity === severity).length;
  const errors = count('error');
  const warnings = count('warning');
  const notes = count('note');
  const afterwards = notes > 0 ? `, ${counted(notes, 'note')}` : '';
  if (errors + warnings === 0) return page.style.good('no findings') + afterwards;
  const kinds = [
    ...(errors > 0 ? [counted(errors, 'error')] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
  ];
  const text = `${counted(errors + warnings, 'finding')}: ${kinds.join(', ')}`;
  return page.style.severity[errors > 0 ? 'error' : 'warning'](text) + afterwards;
}
