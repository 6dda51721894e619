import { useState } from 'preact/hooks';
import { formatAge, formatMoment } from '../../src/report/durations.ts';
import { beliefWords } from '../../src/report/life-words.ts';
import type { PageFinding } from '../../src/report/page-data.ts';
import { counted } from '../../src/report/words.ts';
import { type ShownEvent, shownEvents } from './life.ts';
import { Stack, useStack } from './stack.tsx';

/** What happened, in order: the events that the verdict rests on, and on demand everything else of the page's life. */
export function Story({ finding }: { finding: PageFinding }) {
  const [isWhole, setWhole] = useState(false);
  const events = shownEvents(finding);
  const firedNs = events.find(({ isFired }) => isFired)?.timeNs;
  const shown = events.filter(({ number }) => number > 0 || isWhole);
  const others = events.length - events.filter(({ number }) => number > 0).length;
  const omitted = finding.life?.omitted ?? 0;
  if (events.length === 0) return null;
  return (
    <>
      <h3>
        What happened
        {others > 0 && (
          <button type="button" class="plain" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
            {isWhole
              ? 'only what the verdict rests on'
              : `the whole life of the page: ${counted(others, 'more event')}`}
          </button>
        )}
      </h3>
      <ol class="story">
        {shown.map((event, index) => (
          <Event event={event} before={shown[index - 1]} firedNs={firedNs} />
        ))}
      </ol>
      {isWhole && omitted > 0 && (
        <p class="quiet">
          {counted(omitted, 'event')} further away left out; "iommusan explain --events" shows more.
        </p>
      )}
    </>
  );
}

function Event({
  event,
  before,
  firedNs,
}: {
  event: ShownEvent;
  before: ShownEvent | undefined;
  firedNs: number | undefined;
}) {
  const [isOpen, setOpen] = useState(event.isFired);
  const frames = useStack(event.stack);
  const belief = event.belief === undefined ? [] : beliefWords(event.belief, before?.belief);
  const age = firedNs === undefined || event.isFired ? '' : ` (${formatAge(event.timeNs, firedNs)})`;
  return (
    <li class={event.isFired ? 'event fired' : event.number > 0 ? 'event told' : 'event'}>
      <p class="deed">
        {event.number > 0 && <span class="mark">{event.number}</span>}
        <strong>{event.deed}</strong>
        {event.detail !== '' && <span>: {event.detail}</span>}
        {event.isFired && <span class="badge error">the rule fires</span>}
      </p>
      <p class="quiet">
        {event.who} at {formatMoment(event.timeNs)}
        {age}
      </p>
      {belief.length > 0 && <p class="belief">→ {belief.join('; ')}</p>}
      {frames.length > 0 && (
        <details open={isOpen} onToggle={toggled => setOpen(toggled.currentTarget.open)}>
          <summary>{isOpen ? 'Stack' : frames[0]}</summary>
          {isOpen && <Stack row={event.stack} />}
          {isOpen && event.place !== undefined && <p class="place quiet">{event.place}</p>}
        </details>
      )}
    </li>
  );
}
