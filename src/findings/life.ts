import type { EventLocation, StackFrame } from '../kernel/source.ts';
import type { Hex } from './finding.ts';

/** What an event did to what is watched. */
export type LifeRole =
  | 'allocated'
  | 'freed'
  | 'mapped'
  | 'unmapped'
  | 'unmap found nothing'
  | 'DMA mapped'
  | 'DMA unmapped'
  | 'DMA synced'
  | 'domain freed'
  | 'driver bound'
  | 'driver leaves'
  | 'driver unbound'
  | 'IOTLB flushed'
  | 'fault'
  | 'held by page_pool'
  | 'released by page_pool'
  | 'page_pool shut down'
  | 'page_pool destroyed'
  | 'slab object allocated'
  | 'slab object freed'
  | 'entry cleared'
  | 'page table given up'
  | 'SVA invalidation begun'
  | 'events lost'
  /** An event of the finding's story that says nothing else of what is watched. */
  | 'judged';

/** What the shadow believes right after an event. */
export interface Belief {
  /** Of the page; absent where no page is watched. */
  readonly page?: 'unknown' | 'allocated' | 'free';
  /** Live mappings that reach the page; absent where no page is watched, or the accounting cannot tell. */
  readonly reachedBy?: number;
  /** How much of the mapping is still there; absent before it is made, and where none is watched. */
  readonly mappedBytes?: number;
  /** The driver of the device; absent where no device is watched. */
  readonly driver?: 'not seen' | 'bound' | 'leaving' | 'gone';
}

/** What an event says, as far as its kind says it. */
export interface LifeFacts {
  /** Of a block of `2^order` pages. */
  readonly order?: number;
  readonly iova?: Hex;
  readonly phys?: Hex;
  readonly sizeBytes?: number;
  readonly domain?: string;
  readonly device?: string;
  readonly driver?: string;
  readonly pool?: string;
  /** Pages in flight, or events lost (-1 where they were not counted). */
  readonly count?: number;
}

/** One event in the life of what is watched. */
export interface LifeEvent {
  readonly role: LifeRole;
  readonly facts: LifeFacts;
  readonly timeNs: number;
  readonly cpu: number;
  readonly pid: number;
  readonly task: string;
  /** The innermost frames. */
  readonly stack: readonly StackFrame[];
  readonly location?: EventLocation;
  readonly belief: Belief;
  /** Index in the finding's story, where it is one of the events that the verdict rests on. */
  readonly story?: number;
}

/** The life of the page, and of the mapping, that a finding is about: what happened to it in the whole trace. */
export interface Life {
  readonly pfn?: Hex;
  readonly device?: string;
  /** In the order in which they happened. */
  readonly events: readonly LifeEvent[];
  /** Events that are left out between those that are told. */
  readonly omitted: number;
}
