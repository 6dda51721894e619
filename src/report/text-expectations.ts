import type { CheckReport } from '../findings/check-report.ts';
import type { Paragraph } from './paragraphs.ts';
import { section } from './section.ts';
import type { Page } from './style.ts';
import { counted, formatCount } from './words.ts';
import { bullet } from './wrap.ts';

/** Findings that are listed one by one. */
const SHOWN = 20;

/** How the verdict compares with what was said beforehand: suppressions and a baseline. */
export function expectations(report: CheckReport, page: Page): Paragraph[] {
  return [suppressions(report, page), comparison(report, page)];
}

function suppressions({ suppressed = [] }: CheckReport, page: Page): Paragraph {
  const lines = suppressed.map(
    ({ finding, reason, file, line }) =>
      `${finding.rule}: ${finding.title} (${file}, line ${line}: ${reason})`,
  );
  return section(`${counted(suppressed.length, 'finding')} suppressed:`, listed(lines, page), page);
}

function comparison({ findings, baseline }: CheckReport, page: Page): Paragraph {
  if (baseline === undefined) return [];
  const known = findings.filter(finding => finding.baseline === 'known').length;
  const gone = baseline.gone.map(({ rule, title, signature }) => `gone: ${rule}: ${title} (${signature})`);
  const summary = `${formatCount(findings.length - known)} new, ${formatCount(known)} known, ${formatCount(gone.length)} gone`;
  return [page.style.heading(`Compared with ${baseline.file}: ${summary}`), ...listed(gone, page)];
}

function listed(texts: readonly string[], page: Page): string[] {
  const lines = texts.slice(0, SHOWN).flatMap(text => bullet(text, page.width));
  return texts.length > SHOWN ? [...lines, `    ... ${texts.length - SHOWN} more`] : lines;
}
