import type { ChangedFinding, Difference } from '../findings/difference.ts';
import type { Finding } from '../findings/finding.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { printable } from './printable.ts';
import { section } from './section.ts';
import { newPage, type Page } from './style.ts';
import { findingLine } from './text-finding.ts';
import { counted, formatCount } from './words.ts';
import { wrap } from './wrap.ts';

/** What is different between two verdicts, for people: new, gone and changed findings, a line or two for each. */
export function renderDifference(
  difference: Difference,
  options: { readonly color: boolean; readonly width: number },
): string {
  const page = newPage(options.width, options.color);
  const shown = printable(difference);
  const lines = joinParagraphs([
    [`${page.style.heading(shown.before.join(', '))} → ${page.style.heading(shown.after.join(', '))}`],
    list('New:', '+', shown.new, page),
    list('Gone:', '-', shown.gone, page),
    section(
      'Changed:',
      shown.changed.flatMap(change => changedLines(change, page)),
      page,
    ),
    [summary(shown, page)],
  ]);
  return `${lines.join('\n')}\n`;
}

function list(title: string, sign: string, findings: readonly Finding[], page: Page): Paragraph {
  return section(
    title,
    findings.flatMap(finding => findingLines(sign, finding, page)),
    page,
  );
}

function findingLines(sign: string, finding: Finding, page: Page): string[] {
  return [
    ...wrap(findingLine(finding, page), page.width, `  ${sign} `, '    '),
    page.style.faint(`    ${finding.signature}`),
  ];
}

function changedLines({ finding, changes }: ChangedFinding, page: Page): string[] {
  const words = changes.map(({ name, before, after }) => `${name} was ${before}, is ${after}`);
  const lines = findingLines('~', finding, page);
  return [...lines.slice(0, -1), ...wrap(words.join('; '), page.width, '    '), ...lines.slice(-1)];
}

function summary({ new: added, gone, changed, same }: Difference, page: Page): string {
  const news = counted(added.length, 'new finding');
  const severe = added.some(({ severity }) => severity === 'error') ? 'error' : 'warning';
  return [
    added.length > 0 ? page.style.severity[severe](news) : page.style.good(news),
    `${formatCount(gone.length)} gone`,
    `${formatCount(changed.length)} changed`,
    `${formatCount(same)} the same`,
  ].join(' · ');
}
