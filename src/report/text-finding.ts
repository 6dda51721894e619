import type { Finding, MappingRef } from '../findings/finding.ts';
import { formatMoment } from './durations.ts';
import { formatLocation } from './location-words.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { section } from './section.ts';
import type { Page } from './style.ts';
import { storyParagraphs } from './text-event.ts';
import { labelLines } from './text-labels.ts';
import { counted, formatSize, times } from './words.ts';
import { bullet, wrap } from './wrap.ts';

/** Other mappings of the page that are listed. */
const SHOWN_MAPPINGS = 8;

/** One finding in full, in the order of the kernel's own memory reports: what, who, how it came about, what next. */
export function findingLines(finding: Finding, page: Page): string[] {
  return joinParagraphs([
    [page.style.faint('='.repeat(page.width)), ...headline(finding, page), ...certaintyLines(finding, page)],
    labelLines(finding, page),
    ...storyParagraphs(finding, page),
    otherMappings(finding, page),
    occurrences(finding, page),
    section(
      'What to look at next:',
      finding.advice.flatMap(text => bullet(text, page.width)),
      page,
    ),
    footer(finding, page),
  ]);
}

/** One finding in one line. */
export function findingLine(finding: Finding, page: Page): string {
  const count = finding.count > 1 ? ` (seen ${times(finding.count)})` : '';
  return `${severityWord(finding, page)}: ${finding.rule}: ${finding.title}${count}`;
}

/** The first line: severity, rule and title. */
export function headline(finding: Finding, page: Page): string[] {
  const [first = '', ...rest] = wrap(
    `${plainSeverity(finding)}: ${finding.rule}: ${finding.title}`,
    page.width,
    '',
    '    ',
  );
  return [severityWord(finding, page) + first.slice(plainSeverity(finding).length), ...rest];
}

function plainSeverity({ severity, certainty }: Finding): string {
  return severity.toUpperCase() + (certainty === 'possible' ? ' (possible)' : '');
}

function severityWord(finding: Finding, page: Page): string {
  return page.style.severity[finding.severity](plainSeverity(finding));
}

function certaintyLines({ certainty }: Finding, page: Page): string[] {
  if (certainty === 'certain') return [];
  return wrap(
    'Possible, not certain: lost events or an unknown domain leave room for another explanation.',
    page.width,
  );
}

function otherMappings({ otherMappings: others }: Finding, page: Page): Paragraph {
  const hidden = others.length - SHOWN_MAPPINGS;
  const lines = others.slice(0, SHOWN_MAPPINGS).flatMap(mapping => bullet(describe(mapping), page.width));
  if (hidden > 0) lines.push(`    ... ${hidden} more`);
  return section('Other mappings that reached the same page at that time:', lines, page);
}

function describe({ iova, phys, sizeBytes, device, domain }: MappingRef): string {
  const owner = [device && `device ${device}`, domain && `domain ${domain}`].filter(Boolean);
  return [`IOVA ${iova} to physical address ${phys}`, formatSize(sizeBytes), ...owner].join(', ');
}

function occurrences(finding: Finding, page: Page): Paragraph {
  const { count, pages, echoes, firstNs, lastNs, story, firedAt } = finding;
  const sentences: string[] = [];
  if (count > 1) {
    const concerned = pages > 0 ? `, ${counted(pages, 'page')}` : '';
    sentences.push(
      `Seen ${times(count)} between ${formatMoment(firstNs)} and ${formatMoment(lastNs)}${concerned}.` +
        ' What is shown here is the first.',
    );
  } else if (pages > 1) {
    sentences.push(`It concerns ${counted(pages, 'page')}.`);
  }
  if (echoes > 0) {
    const more = echoes === 1 ? 'once more' : `${times(echoes).replace(' times', ' more times')}`;
    const subject = pages > 1 ? 'The pages were' : 'The page was';
    const role = story[firedAt]?.role;
    sentences.push(
      role === 'freed' || role === 'allocated' || role === 'allocated again' || role === 'freed again'
        ? `${subject} handed out or freed ${more} while still mapped.`
        : `${counted(echoes, 'later event')} only ${echoes === 1 ? 'repeats' : 'repeat'} it.`,
    );
  }
  return sentences.flatMap(sentence => wrap(sentence, page.width));
}

/** What another tool needs to find the same bug, or the same event, again. */
function footer({ signature, baseline, story, firedAt }: Finding, page: Page): Paragraph {
  const location = story[firedAt]?.location;
  const parts = [`signature: ${signature}${baseline === undefined ? '' : ` (${baseline})`}`];
  if (location !== undefined) parts.push(`trace: ${formatLocation(location)}`);
  const line = parts.join(' · ');
  return (line.length <= page.width ? [line] : parts).map(page.style.faint);
}
