import type { Moment } from '../kernel/moment.ts';
import type { Certainty, Fact, MappingRef, StoryRole } from './finding.ts';
import type { Rule, Severity } from './rule.ts';

/** One event of an incident, still with the source's numbers. */
export interface IncidentEvent {
  readonly role: StoryRole;
  readonly at: Moment;
}

/** One occurrence of a bug, as a check reports it. */
export interface Incident {
  readonly rule: Rule;
  /** Where it is another than that of the rule. */
  readonly severity?: Severity;
  readonly certainty: Certainty;
  /** One line that says what happened. */
  readonly title: string;
  /** The event at which the rule fired. */
  readonly fired: IncidentEvent;
  /** The other events it rests on, in any order. */
  readonly others: readonly IncidentEvent[];
  /** Stacks that, with rule and driver, tell this bug from others: ids of `SourceNames.stack`. */
  readonly signatureStacks: readonly number[];
  readonly device?: string | undefined;
  readonly driver?: string | undefined;
  /** Pages of the kernel's size that it concerns. */
  readonly pages: number;
  readonly page?: { readonly pfn: string; readonly phys: string } | undefined;
  readonly mapping?: MappingRef | undefined;
  readonly otherMappings?: readonly MappingRef[];
  readonly facts?: readonly Fact[];
  /** The device can reach memory that is no longer its own from the fired event until {@link IncidentHandle.ended}. */
  readonly reachable?: boolean;
}

/** What happens after an incident was reported. */
export interface IncidentHandle {
  /** The same incident showed again, such as at the next owner of the page. */
  echo(role: StoryRole, at: Readonly<Moment>): void;
  /** The incident turns out to concern more pages. */
  grow(pages: number, at: Readonly<Moment>): void;
  /** A later event that belongs to the story. */
  add(role: StoryRole, at: Readonly<Moment>): void;
  /** From now on the device cannot reach the memory any more. */
  ended(role: StoryRole, at: Readonly<Moment>): void;
}
