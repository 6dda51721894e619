import type { EventLocation, StackFrame } from '../kernel/source.ts';
import type { Life } from './life.ts';
import type { Severity } from './rule.ts';

/** An address or page frame number: hexadecimal text, because JSON numbers end at 2^53. */
export type Hex = string;

/** `possible` where lost events or an unknown domain leave room for another explanation. */
export type Certainty = 'certain' | 'possible';

/** What a {@link StoryEvent} tells. */
export type StoryRole =
  | 'allocated'
  | 'mapped'
  | 'found mapped'
  | 'freed'
  | 'allocated again'
  | 'freed again'
  | 'unmapped'
  | 'synced'
  | 'unbound'
  | 'bound'
  | 'domain freed'
  | 'mapped over'
  | 'mapped again'
  | 'fault'
  | 'flushed'
  | 'held by page_pool'
  | 'returned to page_pool'
  | 'page_pool destroyed'
  | 'unmap began'
  | 'unlinked'
  | 'given up'
  | 'invalidated'
  | 'slab object allocated';

/** One event that a finding rests on. */
export interface StoryEvent {
  readonly role: StoryRole;
  readonly timeNs: number;
  readonly cpu: number;
  readonly pid: number;
  readonly task: string;
  /** Innermost frame first; empty where no stack was recorded. */
  readonly stack: readonly StackFrame[];
  /** Where the trace holds the event; absent for events that no file holds. */
  readonly location?: EventLocation;
}

/** A range of IOVA space and what it translates to. */
export interface MappingRef {
  readonly iova: Hex;
  readonly phys: Hex;
  readonly sizeBytes: number;
  readonly domain?: string;
  readonly device?: string;
}

/** A labelled value that belongs to one rule, such as the size that was asked for. */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

/**
 * One bug, however often it happened. The sample (title, page, mapping, facts, story) is of its first occurrence.
 */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly certainty: Certainty;
  /** One line that says what happened. */
  readonly title: string;
  /** Equal for two findings of the same bug, also in another boot of the same kernel. */
  readonly signature: string;
  /** How often it happened. */
  readonly count: number;
  /** Pages of the kernel's page size that all occurrences concern, counted once for each occurrence. */
  readonly pages: number;
  /** Later events that only repeat it, such as each new owner of a page that is still mapped. */
  readonly echoes: number;
  readonly firstNs: number;
  readonly lastNs: number;
  readonly device?: string;
  readonly driver?: string;
  readonly page?: { readonly pfn: Hex; readonly phys: Hex };
  readonly mapping?: MappingRef;
  /** Other live mappings that reached the page at that time. */
  readonly otherMappings: readonly MappingRef[];
  readonly facts: readonly Fact[];
  /** In the order in which it happened. The event that was judged is the one whose role the rule names. */
  readonly story: readonly StoryEvent[];
  /** Index in `story` of the event at which the rule fired. */
  readonly firedAt: number;
  /** How long the device could reach memory that was no longer its own; absent where the rule has no such time. */
  readonly reachable?: { readonly durationNs: number; readonly ended: boolean };
  readonly advice: readonly string[];
  /** Whether the baseline has a finding of the same signature; absent where no baseline was given. */
  readonly baseline?: 'new' | 'known';
  /** What happened to the page in the whole trace; only where details were asked for. */
  readonly life?: Life;
}
