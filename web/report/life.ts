import type { LifeEvent } from '../../src/findings/life.ts';
import { lifeDeed, lifeDetail } from '../../src/report/life-words.ts';
import { formatLocation } from '../../src/report/location-words.ts';
import type { PageEvent, PageFinding } from '../../src/report/page-data.ts';

/** An event of a finding as the page shows it: in the list, and as a mark on the time line. */
export interface ShownEvent {
  readonly deed: string;
  readonly detail: string;
  readonly timeNs: number;
  readonly who: string;
  readonly stack: number;
  readonly place: string | undefined;
  /** Its number among the events that the verdict rests on, from 1; 0 for others. */
  readonly number: number;
  readonly isFired: boolean;
  /** State of the page behind it, where that is known. */
  readonly isAllocated: boolean | undefined;
  readonly isMapped: boolean | undefined;
  readonly belief: PageEvent<LifeEvent>['belief'] | undefined;
}

/** What roles of a story say of the page, for reports that hold no lives. */
const ALLOCATES = /^(allocated|allocated again)$/;
const FREES = /^(freed|freed again)$/;
const MAPS = /^(mapped|mapped again|mapped over)$/;
const UNMAPS = /^(unmapped|domain freed)$/;

/** The life of the page where the report holds it, else the events of the story. */
export function shownEvents(finding: PageFinding): ShownEvent[] {
  return finding.life === undefined ? eventsOfStory(finding) : eventsOfLife(finding, finding.life.events);
}

function eventsOfLife(
  { story, firedAt }: PageFinding,
  events: readonly PageEvent<LifeEvent>[],
): ShownEvent[] {
  let number = 0;
  return events.map(event => {
    const { belief } = event;
    const told = event.story === undefined ? undefined : story[event.story];
    return {
      deed: lifeDeed(event, told?.role),
      detail: lifeDetail(event),
      timeNs: event.timeNs,
      who: event.role === 'events lost' ? `CPU ${event.cpu}` : whoOf(event),
      // The story has the stack in full.
      stack: told?.stack ?? event.stack,
      place: event.location && formatLocation(event.location),
      number: told === undefined ? 0 : ++number,
      isFired: event.story === firedAt,
      isAllocated:
        belief.page === undefined || belief.page === 'unknown' ? undefined : belief.page === 'allocated',
      isMapped: isMore(belief.reachedBy ?? belief.mappedBytes),
      belief,
    };
  });
}

function eventsOfStory({ story, firedAt }: PageFinding): ShownEvent[] {
  let isAllocated: boolean | undefined;
  let isMapped: boolean | undefined;
  return story.map((event, index) => {
    const { role } = event;
    if (ALLOCATES.test(role)) isAllocated = true;
    else if (FREES.test(role)) isAllocated = false;
    else if (MAPS.test(role)) isMapped = true;
    else if (UNMAPS.test(role)) isMapped = false;
    return {
      deed: role.slice(0, 1).toUpperCase() + role.slice(1),
      detail: '',
      timeNs: event.timeNs,
      who: whoOf(event),
      stack: event.stack,
      place: event.location && formatLocation(event.location),
      number: index + 1,
      isFired: index === firedAt,
      isAllocated,
      isMapped,
      belief: undefined,
    };
  });
}

function whoOf({ task, pid, cpu }: Pick<LifeEvent, 'task' | 'pid' | 'cpu'>): string {
  return `${task}-${pid} on CPU ${cpu}`;
}

function isMore(value: number | undefined): boolean | undefined {
  return value === undefined ? undefined : value > 0;
}
