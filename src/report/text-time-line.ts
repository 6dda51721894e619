import type { Finding } from '../findings/finding.ts';
import type { Life, LifeEvent } from '../findings/life.ts';
import { formatMoment } from './durations.ts';
import type { Paragraph } from './paragraphs.ts';
import type { Page } from './style.ts';

/** Columns before the lanes. */
const LABEL = '  mapped     ';

/** What lies before and behind the story is shown for so much of its length. */
const MARGIN = 0.1;

interface Lane {
  readonly label: string;
  /** Whether the lane is filled while this event's belief holds; `undefined` before anything is known. */
  readonly isOn: (event: LifeEvent) => boolean | undefined;
}

const LANES: readonly Lane[] = [
  {
    label: 'allocated',
    isOn: ({ belief: { page } }) =>
      page === undefined || page === 'unknown' ? undefined : page === 'allocated',
  },
  { label: 'mapped', isOn: ({ belief: { reachedBy, mappedBytes } }) => isMore(reachedBy ?? mappedBytes) },
];

/**
 * When the page was allocated and when a mapping reached it, one line each over the time of the story: where the second
 * is filled and the first is not, the device could reach memory of nobody.
 */
export function timeLine({ story, firedAt }: Finding, { events }: Life, page: Page): Paragraph {
  const columns = page.width - LABEL.length;
  const [first] = story;
  const last = story.at(-1);
  if (first === undefined || last === undefined || last.timeNs === first.timeNs) return [];
  const margin = (last.timeNs - first.timeNs) * MARGIN;
  const start = first.timeNs - margin;
  const end = last.timeNs + margin;
  const column = (timeNs: number): number =>
    Math.min(columns - 1, Math.max(0, Math.floor(((timeNs - start) / (end - start)) * columns)));
  const lanes = LANES.flatMap(({ label, isOn }) => {
    const cells = laneCells(events, isOn, column, start, columns);
    return cells.includes('█') ? [`  ${label}`.padEnd(LABEL.length) + cells] : [];
  });
  if (lanes.length === 0) return [];
  const fired = story[firedAt];
  const mark = fired === undefined ? [] : [markLine(column(fired.timeNs), columns)];
  const from = formatMoment(start);
  return [
    ...lanes,
    ...mark,
    ' '.repeat(LABEL.length) + from + formatMoment(end).padStart(columns - from.length),
  ];
}

function laneCells(
  events: readonly LifeEvent[],
  isOn: Lane['isOn'],
  column: (timeNs: number) => number,
  start: number,
  columns: number,
): string {
  const cells = new Array<string>(columns).fill(' ');
  for (const event of events) {
    const on = isOn(event);
    if (on === undefined) continue;
    // A change within one column is shown by what is worse: that something holds.
    const from = event.timeNs <= start ? 0 : column(event.timeNs);
    if (on || cells[from] !== '█') cells[from] = on ? '█' : '·';
    cells.fill(on ? '█' : '·', from + 1);
  }
  return cells.join('').trimEnd();
}

function markLine(column: number, columns: number): string {
  const text = 'the rule fires';
  const isLeft = column + text.length + 3 > columns;
  const line = isLeft ? `${text} ^`.padStart(column + 1) : `${' '.repeat(column)}^ ${text}`;
  return ' '.repeat(LABEL.length) + line;
}

function isMore(value: number | undefined): boolean | undefined {
  return value === undefined ? undefined : value > 0;
}
