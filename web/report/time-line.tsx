import { useState } from 'preact/hooks';
import type { TraceSummary } from '../../src/findings/check-report.ts';
import { formatMoment } from '../../src/report/durations.ts';
import type { PageFinding } from '../../src/report/page-data.ts';
import { type ShownEvent, shownEvents } from './life.ts';
import { useWidth } from './use-width.ts';

/** Columns for the names of the lanes. */
const NAMES = 74;
const LANE = 16;
const GAP = 8;
const TOP = 8;
const MARK = 9;
const EDGE = 12;

/** What lies before and behind the story is shown for so much of its length. */
const MARGIN = 0.08;

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The life of the page over time: when it was allocated, when a mapping reached it, and between the two the time in
 * which the device could reach memory of nobody.
 */
export function TimeLine({ finding, trace }: { finding: PageFinding; trace: TraceSummary }) {
  const [isWhole, setWhole] = useState(false);
  const [ref, width] = useWidth<HTMLDivElement>();
  const events = shownEvents(finding);
  const told = events.filter(({ number }) => number > 0);
  const first = told[0]?.timeNs ?? 0;
  const last = told.at(-1)?.timeNs ?? 0;
  if (told.length < 2 || last <= first) return null;

  const margin = (last - first) * MARGIN;
  const span: Span = isWhole
    ? { from: trace.firstNs, to: Math.max(trace.lastNs, last) }
    : { from: first - margin, to: last + margin };
  return (
    <div class="time-line" ref={ref}>
      <div class="time-line-head">
        <h3>Time line of the page</h3>
        <button type="button" class="plain" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'only the story' : 'the whole trace'}
        </button>
      </div>
      {width > 0 && <Lanes finding={finding} events={events} span={span} width={width} />}
    </div>
  );
}

interface LanesProps {
  readonly finding: PageFinding;
  readonly events: readonly ShownEvent[];
  readonly span: Span;
  readonly width: number;
}

function Lanes({ finding, events, span, width }: LanesProps) {
  const x = (timeNs: number): number => {
    const share = (timeNs - span.from) / (span.to - span.from);
    return NAMES + Math.min(1, Math.max(0, share)) * (width - NAMES - EDGE);
  };
  const lanes = [
    { name: 'allocated', kind: 'page', runs: runsOf(events, span, ({ isAllocated }) => isAllocated) },
    { name: 'mapped', kind: 'mapping', runs: runsOf(events, span, ({ isMapped }) => isMapped) },
    { name: 'exposed', kind: 'exposed', runs: exposedSpans(finding, span) },
  ].filter(({ runs }) => runs.length > 0);
  const bottom = TOP + lanes.length * (LANE + GAP);
  const marks = marksOf(events, x, bottom + MARK + 4);
  const height = Math.max(bottom, ...marks.map(({ y }) => y + MARK)) + 22;
  return (
    <svg width={width} height={height} role="img" aria-label={spoken(events)}>
      <defs>
        <pattern
          id="exposed"
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect class="exposed-ground" width="6" height="6" />
          <rect class="exposed-stripe" width="2.5" height="6" />
        </pattern>
      </defs>
      {lanes.map(({ name, kind, runs }, index) => {
        const y = TOP + index * (LANE + GAP);
        return (
          <g>
            <text class="lane-name" x="0" y={y + LANE - 4}>
              {name}
            </text>
            <rect class="lane" x={NAMES} y={y} width={width - NAMES - EDGE} height={LANE} rx="3" />
            {runs.map(({ from, to }) => (
              <rect
                class={`run ${kind}`}
                x={x(from)}
                y={y}
                width={Math.max(1.5, x(to) - x(from))}
                height={LANE}
                rx="2"
                fill="url(#exposed)"
              />
            ))}
          </g>
        );
      })}
      {marks.map(({ event, at, y }) => (
        <g class={event.isFired ? 'event-mark fired' : 'event-mark'}>
          <line x1={at} y1={TOP - 4} x2={at} y2={y - MARK} />
          <circle cx={at} cy={y} r={MARK} />
          <text x={at} y={y + 4}>
            {event.number}
          </text>
          <title>
            {event.deed} at {formatMoment(event.timeNs)}
          </title>
        </g>
      ))}
      <text class="moment" x={NAMES} y={height - 4}>
        {formatMoment(span.from)}
      </text>
      <text class="moment end" x={width - EDGE} y={height - 4}>
        {formatMoment(span.to)}
      </text>
    </svg>
  );
}

/** Where something holds: each event tells it for the time behind it. */
function runsOf(
  events: readonly ShownEvent[],
  span: Span,
  holds: (event: ShownEvent) => boolean | undefined,
): Span[] {
  const runs: Span[] = [];
  let from: number | undefined;
  for (const event of events) {
    const isOn = holds(event);
    if (isOn === true) from ??= event.timeNs;
    else if (from !== undefined && isOn === false) {
      runs.push({ from, to: event.timeNs });
      from = undefined;
    }
  }
  if (from !== undefined) runs.push({ from, to: span.to });
  return runs.filter(run => run.to >= span.from && run.from <= span.to);
}

/** From the event at which the rule fired until the device could not reach the page any more. */
function exposedSpans({ story, firedAt, reachable }: PageFinding, span: Span): Span[] {
  const fired = story[firedAt];
  if (reachable === undefined || fired === undefined) return [];
  return [{ from: fired.timeNs, to: reachable.ended ? fired.timeNs + reachable.durationNs : span.to }];
}

/** Numbered marks, one below the other where they would overlap. */
function marksOf(
  events: readonly ShownEvent[],
  x: (timeNs: number) => number,
  top: number,
): { event: ShownEvent; at: number; y: number }[] {
  const ends: number[] = [];
  return events.flatMap(event => {
    if (event.number === 0) return [];
    const at = x(event.timeNs);
    const free = ends.findIndex(end => at - end > 2 * MARK + 2);
    const row = free < 0 ? ends.length : free;
    ends[row] = at;
    return [{ event, at, y: top + row * (2 * MARK + 2) }];
  });
}

function spoken(events: readonly ShownEvent[]): string {
  const told = events.filter(({ number }) => number > 0);
  return told.map(({ number, deed, timeNs }) => `${number}: ${deed} at ${formatMoment(timeNs)}`).join('; ');
}
