import type { StoryEvent, StoryRole } from '../findings/finding.ts';
import type { Belief, LifeFacts, LifeRole } from '../findings/life.ts';
import type { Moment } from '../kernel/moment.ts';

/** An event as it was witnessed, still with the source's numbers. */
export interface Witnessed {
  readonly role: LifeRole;
  readonly facts: LifeFacts;
  readonly at: Moment;
  readonly belief: Belief;
  /** Index in the story, or -1. */
  readonly story: number;
}

/** Which events of a story an event of a life may be. */
const TOLD_AS: Partial<Readonly<Record<LifeRole, readonly StoryRole[]>>> = {
  allocated: ['allocated', 'allocated again'],
  freed: ['freed', 'freed again'],
  mapped: ['mapped', 'mapped again', 'mapped over'],
  'DMA mapped': ['mapped', 'mapped again', 'mapped over'],
  unmapped: ['unmapped', 'unmap began'],
  'unmap found nothing': ['unmapped', 'unmap began'],
  'DMA unmapped': ['unmapped', 'unmap began'],
  'DMA synced': ['synced'],
  // What is in a domain goes with it: a mapping that dangled is unmapped then.
  'domain freed': ['domain freed', 'unmapped'],
  'driver bound': ['bound'],
  'driver leaves': ['unbound'],
  'driver unbound': ['unbound'],
  'IOTLB flushed': ['flushed'],
  fault: ['fault'],
  'held by page_pool': ['held by page_pool'],
  'released by page_pool': ['returned to page_pool'],
  'page_pool shut down': ['page_pool destroyed'],
  'page_pool destroyed': ['page_pool destroyed'],
  'slab object allocated': ['slab object allocated'],
  'entry cleared': ['unlinked'],
  'page table given up': ['given up'],
  'SVA invalidation begun': ['invalidated'],
};

/**
 * The events of one life that are kept: all that the verdict rests on, and of the others those nearest to the event at
 * which the rule fired, half of them before it and half behind.
 */
export class LifeLog {
  omitted = 0;
  private readonly story: readonly StoryEvent[];
  private readonly firedAt: number;
  private readonly most: number;
  private readonly kept: Witnessed[] = [];
  private readonly told = new Set<number>();
  /** Kept events that are not of the story: since the beginning, and since the rule fired. */
  private others = 0;
  private hasFired = false;

  constructor(story: readonly StoryEvent[], firedAt: number, most: number) {
    this.story = story;
    this.firedAt = firedAt;
    this.most = most;
  }

  /** Index of the event in the story that this is, or -1; each is taken once. */
  storyIndex(role: LifeRole, at: Readonly<Moment>): number {
    return this.story.findIndex(
      (event, index) =>
        event.timeNs === at.timeNs &&
        event.cpu === at.cpu &&
        !this.told.has(index) &&
        (TOLD_AS[role]?.includes(event.role) ?? false),
    );
  }

  add(event: Witnessed): void {
    if (event.story >= 0) {
      this.told.add(event.story);
      if (event.story === this.firedAt) {
        this.hasFired = true;
        this.others = 0;
      }
      this.kept.push(event);
      return;
    }
    if (this.others >= this.most / 2) {
      this.omitted++;
      if (this.hasFired) return;
      this.kept.splice(
        this.kept.findIndex(({ story }) => story < 0),
        1,
      );
    } else {
      this.others++;
    }
    this.kept.push(event);
  }

  events(): readonly Witnessed[] {
    return this.kept;
  }

  /** Events of the story that no event of the life was. */
  untold(): number[] {
    return this.story.flatMap((_, index) => (this.told.has(index) ? [] : [index]));
  }
}
