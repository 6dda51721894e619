import type { CheckReport } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import { hasLoss } from './loss-words.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { printable } from './printable.ts';
import { section } from './section.ts';
import { newPage, type Page } from './style.ts';
import { expectations } from './text-expectations.ts';
import { findingLine, findingLines } from './text-finding.ts';
import { limits } from './text-limits.ts';
import { header, summaryLine } from './text-summary.ts';
import { counted } from './words.ts';
import { wrap } from './wrap.ts';

/** Findings that are shown in full unless all are asked for. */
const SHOWN_IN_FULL = 20;

export interface TextOptions {
  readonly color: boolean;
  /** Columns of the terminal. Stack frames and the closing line may be longer. */
  readonly width: number;
  /** Show every finding in full, not only the first 20. */
  readonly all?: boolean;
  /** Milliseconds that the check took, for the closing line. */
  readonly elapsedMs?: number;
}

/** The report for people: each finding with its story, then the limits of the verdict, then one line of summary. */
export function renderText(report: CheckReport, options: TextOptions): string {
  const page = newPage(options.width, options.color);
  const shown = printable(report);
  const lines = joinParagraphs([
    header(shown, page),
    ...findings(shown, options.all === true, page),
    cleanBill(shown, page),
    ...expectations(shown, page),
    ...limits(shown, page),
    [summaryLine(shown, page, options.elapsedMs)],
  ]);
  return `${lines.join('\n')}\n`;
}

/** One finding in full, as it stands in a report. */
export function renderFinding(finding: Finding, { color, width }: TextOptions): string {
  return `${findingLines(printable(finding), newPage(width, color)).join('\n')}\n`;
}

function findings({ findings: found }: CheckReport, all: boolean, page: Page): Paragraph[] {
  const inFull = all ? found : found.slice(0, SHOWN_IN_FULL);
  const folded = found.slice(inFull.length);
  const paragraphs = inFull.map(finding => findingLines(finding, page));
  paragraphs.at(-1)?.push(page.style.faint('='.repeat(page.width)));
  const title = `${counted(folded.length, 'more finding')}, one line each (--all shows them in full):`;
  const lines = folded.map(finding => `  ${findingLine(finding, page)}`);
  return [...paragraphs, section(title, lines, page)];
}

/** Says that nothing was found, and no more than that. */
function cleanBill({ findings: found, suppressed, lost, gaps }: CheckReport, page: Page): Paragraph {
  if (found.some(({ severity }) => severity !== 'note')) return [];
  const isPartial = hasLoss(lost) || gaps.length > 0;
  const beside = suppressed === undefined ? '' : ' beside what is suppressed';
  const text =
    (isPartial
      ? `No DMA lifetime bug found${beside} in what could be read. The trace is not complete: see below.`
      : `No DMA lifetime bug found${beside}.`) + (found.length > 0 ? ' Notes alone are no findings.' : '');
  return wrap(text, page.width).map(page.style.good);
}
