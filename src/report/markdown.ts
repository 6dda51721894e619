import type { CheckReport } from '../findings/check-report.ts';
import type { Finding, StoryEvent } from '../findings/finding.ts';
import { formatAge, formatDuration } from './durations.ts';
import { labelsOf } from './finding-labels.ts';
import { formatLocation } from './location-words.ts';
import { hasLoss, lossText } from './loss-words.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { printable } from './printable.ts';
import { newPage } from './style.ts';
import { eventSentence } from './text-event.ts';
import { stackLines } from './text-stack.ts';
import { summaryLine } from './text-summary.ts';
import { counted, times } from './words.ts';
import { wrap } from './wrap.ts';

/** What a mail to a list is wrapped at. */
const WIDTH = 72;

/**
 * The findings in Markdown, for a bug report or a mail to a list: no HTML, no tables, short lines, so that it reads
 * well as plain text too.
 */
export function renderMarkdown(reports: readonly CheckReport[]): string {
  const lines = joinParagraphs(printable(reports).flatMap(reportParagraphs));
  return `${lines.join('\n')}\n`;
}

function reportParagraphs(report: CheckReport): Paragraph[] {
  const { trace, tool, findings, lost, skippedChecks, suppressed = [] } = report;
  const limits = [
    ...(hasLoss(lost) ? [`Events were lost (${lossText(lost)}): bugs may be missing here.`] : []),
    ...report.notes,
    ...(skippedChecks.length > 0
      ? [`Not checked, for lack of events: ${skippedChecks.map(({ rule }) => rule).join(', ')}.`]
      : []),
    ...(suppressed.length > 0 ? [`${counted(suppressed.length, 'finding')} suppressed.`] : []),
  ];
  return [
    [`# iommusan: ${text(trace.files.join(', '))}`],
    prose(
      `${trace.kernel ?? 'kernel unknown'}, ${trace.format}, clock ${trace.clock}; iommusan ${tool.version}.`,
    ),
    ...(findings.length === 0 ? [prose('Nothing was found.')] : findings.flatMap(findingParagraphs)),
    ...(limits.length === 0 ? [] : [['## Limits of this verdict'], limits.flatMap(limit => item(limit))]),
    prose(summaryLine(report, newPage(WIDTH, false), undefined)),
  ];
}

function findingParagraphs(finding: Finding): Paragraph[] {
  const { rule, title, certainty, story, firedAt, reachable, signature, count, pages, advice } = finding;
  const fired = story[firedAt];
  const possible = certainty === 'possible' ? ' (possible)' : '';
  return [
    [`## ${finding.severity.toUpperCase()}${possible}: ${rule}`],
    prose(`${title}.`),
    labelsOf(finding).flatMap(([name, value]) => item(`${name}: ${value}`)),
    ...story.flatMap(event => eventParagraphs(event, fired)),
    reachable === undefined
      ? []
      : prose(
          `The device could reach memory that was no longer its own for ${formatDuration(reachable.durationNs)}${reachable.ended ? '' : ', until the end of the trace'}.`,
        ),
    count > 1 ? prose(`Seen ${times(count)}, ${counted(pages, 'page')} in all; this is the first.`) : [],
    advice.flatMap(step => item(step)),
    [
      `Signature: \`${signature}\`  `,
      ...(fired?.location === undefined ? [] : prose(`Trace: ${formatLocation(fired.location)}`)),
    ],
  ];
}

function eventParagraphs(event: StoryEvent, fired: StoryEvent | undefined): Paragraph[] {
  const age = fired === undefined || event === fired ? '' : ` (${formatAge(event.timeNs, fired.timeNs)})`;
  const stack = stackLines(event.stack);
  const heading = prose(`${eventSentence(event)}${age}${stack.length > 0 ? ':' : '.'}`);
  return stack.length > 0 ? [heading, stack] : [heading];
}

function prose(words: string): string[] {
  return wrap(text(words), WIDTH);
}

function item(words: string): string[] {
  return wrap(text(words), WIDTH, '- ', '  ');
}

/** Text that Markdown does not read as anything else. An underscore within a word means nothing to it. */
function text(words: string): string {
  return words.replace(/[\\`*[\]<>|#~]|(?<!\w)_|_(?!\w)/g, '\\$&');
}
