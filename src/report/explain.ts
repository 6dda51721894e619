import type { Finding, StoryEvent } from '../findings/finding.ts';
import type { Life, LifeEvent } from '../findings/life.ts';
import { formatAge, formatDuration, formatMoment } from './durations.ts';
import { beliefWords, lifeDeed, lifeDetail } from './life-words.ts';
import { formatLocation } from './location-words.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { printable } from './printable.ts';
import { newPage, type Page } from './style.ts';
import { headline } from './text-finding.ts';
import { labelLines } from './text-labels.ts';
import { formatFrame } from './text-stack.ts';
import { timeLine } from './text-time-line.ts';
import { counted } from './words.ts';
import { wrap } from './wrap.ts';

/** Behind the number of an event. */
const INDENT = ' '.repeat(6);

export interface ExplainOptions {
  readonly color: boolean;
  readonly width: number;
  /** Which finding of how many this is. */
  readonly number: number;
  readonly of: number;
}

/** How a verdict came about: each event it rests on, what was believed after it, and where the trace holds it. */
export function renderExplanation(finding: Finding, options: ExplainOptions): string {
  const page = newPage(options.width, options.color);
  const shown = printable(finding);
  const lines = joinParagraphs([
    [
      ...headline(shown, page),
      page.style.faint(`Finding ${options.number} of ${options.of}, signature ${shown.signature}.`),
    ],
    labelLines(shown, page),
    ...(shown.life === undefined ? [] : lifeParagraphs(shown, shown.life, page)),
    shown.count > 1
      ? wrap(`It happened ${counted(shown.count, 'time')}; this is the life of the first.`, page.width)
      : [],
  ]);
  return `${lines.join('\n')}\n`;
}

function lifeParagraphs(finding: Finding, life: Life, page: Page): Paragraph[] {
  const fired = finding.story[finding.firedAt];
  const subject = life.pfn === undefined ? 'What happened' : `The life of page ${life.pfn}`;
  const end = endOfReach(finding, life);
  const paragraphs = life.events.map((event, index) =>
    eventLines(event, index, life.events[index - 1], finding, fired, page),
  );
  return [
    timeLine(finding, life, page),
    wrap(
      `${subject}, event by event. A star marks what the verdict rests on; "→" says what iommusan believes after it.`,
      page.width,
    ),
    ...paragraphs.slice(0, end),
    unseenLines(finding, life, page),
    ...paragraphs.slice(end),
    life.omitted > 0
      ? wrap(`${counted(life.omitted, 'event')} further away left out (--events shows more).`, page.width)
      : [],
  ];
}

function eventLines(
  event: LifeEvent,
  index: number,
  previous: LifeEvent | undefined,
  { story, firedAt }: Finding,
  fired: StoryEvent | undefined,
  page: Page,
): Paragraph {
  const isTold = event.story !== undefined;
  const isFired = event.story === firedAt;
  const detail = lifeDetail(event);
  const age = fired === undefined || isFired ? '' : ` (${formatAge(event.timeNs, fired.timeNs)})`;
  const deed = lifeDeed(event, event.story === undefined ? undefined : story[event.story]?.role);
  const who =
    event.role === 'events lost'
      ? `on CPU ${event.cpu}`
      : `by ${event.task}-${event.pid} on CPU ${event.cpu}`;
  const heading = `${deed}${detail === '' ? '' : `: ${detail}`}`;
  const place = `${who} at ${formatMoment(event.timeNs)}${age}`;
  const mark = isTold ? '*' : ' ';
  const stack = event.stack.map(formatFrame).join(' < ');
  const belief = beliefWords(event.belief, previous?.belief);
  return [
    ...wrap(heading, page.width, `${mark}${String(index + 1).padStart(3)}  `, INDENT).map(
      isTold ? page.style.heading : page.style.faint,
    ),
    ...wrap(place, page.width, INDENT),
    ...(stack === '' ? [] : wrap(`in ${stack}`, page.width, INDENT, `${INDENT}   `)),
    ...(event.location === undefined
      ? []
      : wrap(formatLocation(event.location), page.width, INDENT).map(page.style.faint)),
    ...(belief.length === 0 ? [] : wrap(belief.join('; '), page.width, `${INDENT}→ `, `${INDENT}  `)),
    ...(isFired ? [page.style.alarm(`${INDENT}Here the rule fires.`)] : []),
  ];
}

/** What a trace cannot show, told at the place where it may have happened. */
function unseenLines({ reachable }: Finding, life: Life, page: Page): Paragraph {
  if (reachable === undefined) return [];
  const until = reachable.ended ? 'until the unmap that follows' : 'until the end of the trace';
  const isReused = life.events.some(
    ({ role, belief }) => role === 'allocated' && (belief.reachedBy ?? 0) > 0,
  );
  const text =
    `Not visible: what the device did. From the moment at which the rule fired ${until}, for ${formatDuration(reachable.durationNs)}, it could read and write the page; its accesses leave no event in a trace.` +
    (isReused ? ' The page had a new owner in that time, into whose memory a write would have gone.' : '');
  return wrap(text, page.width, INDENT).map(page.style.alarm);
}

/** Index of the event that ended the device's reach, or behind the last. */
function endOfReach({ story, firedAt, reachable }: Finding, { events }: Life): number {
  const fired = story[firedAt];
  const index = events.findIndex(
    event =>
      reachable?.ended === true &&
      event.role === 'unmapped' &&
      event.timeNs - (fired?.timeNs ?? 0) === reachable.durationNs,
  );
  return index < 0 ? events.length : index;
}
