import type { Finding, StoryEvent, StoryRole } from '../findings/finding.ts';
import { formatAge, formatDuration, formatMoment } from './durations.ts';
import type { Paragraph } from './paragraphs.ts';
import type { Page } from './style.ts';
import { stackLines } from './text-stack.ts';
import { wrap } from './wrap.ts';

const DEEDS: Readonly<Record<StoryRole, string>> = {
  allocated: 'Allocated',
  mapped: 'Mapped',
  'found mapped': 'Found mapped',
  freed: 'Freed',
  'allocated again': 'Allocated again',
  'freed again': 'Freed again',
  unmapped: 'Unmapped',
  synced: 'Synchronized',
  unbound: 'Driver unbound',
  bound: 'Driver bound',
  'domain freed': 'Domain freed',
  'mapped over': 'Mapped over',
  'mapped again': 'Mapped again',
  fault: 'Fault reported',
  flushed: 'IOTLB flushed',
  'held by page_pool': 'Taken into the page_pool',
  'returned to page_pool': 'Returned to the page_pool',
  'page_pool destroyed': 'page_pool destroyed',
  'unmap began': 'Unmap begun',
  unlinked: 'Entry cleared',
  'given up': 'Page table given up',
  invalidated: 'Invalidation begun',
  'slab object allocated': 'Slab object allocated',
};

/** Frames that are shown of an event that only repeats the bug, such as the next owner's allocation. */
const ECHO_FRAMES = 5;

const EXPOSED = 'the device could reach memory that was no longer its own';

/**
 * The events that a finding rests on, each a paragraph: the one at which the rule fired, then the others as they
 * happened, then how long the memory was within the device's reach.
 */
export function storyParagraphs(finding: Finding, page: Page): Paragraph[] {
  const { story, firedAt, reachable } = finding;
  const fired = story[firedAt];
  const others = story.filter(event => event !== fired).toSorted((a, b) => a.timeNs - b.timeNs);
  const ended = endOfReach(finding, fired);
  const hasStacks = story.some(event => event.stack.length > 0);

  const paragraphs: Paragraph[] = [];
  for (const event of fired === undefined ? others : [fired, ...others]) {
    const consequence = event === ended ? `: for that long ${EXPOSED}.` : undefined;
    paragraphs.push(eventLines(event, fired, consequence, hasStacks, page));
  }
  if (story.length > 0 && !hasStacks) paragraphs.push(['The trace holds no kernel stacks of these events.']);
  if (reachable !== undefined && ended === undefined) {
    const duration = formatDuration(reachable.durationNs);
    const text = reachable.ended
      ? `For ${duration} ${EXPOSED}.`
      : `Never unmapped in this trace: until its end, for ${duration}, ${EXPOSED}.`;
    paragraphs.push(wrap(text, page.width).map(page.style.heading));
  }
  return paragraphs;
}

/** What an event is, who did it and when: `Freed by insmod-81 on CPU 1 at 9.923724 s`. */
export function eventSentence({ role, task, pid, cpu, timeNs }: StoryEvent): string {
  if (role === 'found mapped') {
    return `Mapped before the recording began, and found so at ${formatMoment(timeNs)}`;
  }
  // A kernel's log does not say where a line comes from.
  const where = cpu < 0 ? "in the kernel's log" : `by ${task}-${pid} on CPU ${cpu}`;
  return `${DEEDS[role]} ${where} at ${formatMoment(timeNs)}`;
}

function eventLines(
  event: StoryEvent,
  fired: StoryEvent | undefined,
  consequence: string | undefined,
  hasStacks: boolean,
  page: Page,
): Paragraph {
  let heading = eventSentence(event);
  if (fired !== undefined && event !== fired) heading += ` (${formatAge(event.timeNs, fired.timeNs)})`;
  const stack = event.role.endsWith(' again')
    ? stackLines(event.stack, ECHO_FRAMES)
    : stackLines(event.stack);
  if (stack.length === 0 && hasStacks) heading += ', no stack recorded';
  heading += consequence ?? (stack.length > 0 ? ':' : '');
  return [...wrap(heading, page.width).map(page.style.heading), ...stack];
}

/** The unmap that ended the device's reach, if the story has it: it lies as far behind as the reach lasted. */
function endOfReach({ story, reachable }: Finding, fired: StoryEvent | undefined): StoryEvent | undefined {
  if (fired === undefined || reachable === undefined || !reachable.ended) return undefined;
  return story.findLast(
    event => event.role === 'unmapped' && event.timeNs - fired.timeNs === reachable.durationNs,
  );
}
