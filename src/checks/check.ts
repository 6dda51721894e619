import type { FindingCollector } from '../findings/collector.ts';
import type { Rule } from '../findings/rule.ts';
import type { KernelEvents } from '../kernel/events.ts';
import type { Capabilities, SourceNames } from '../kernel/source.ts';
import type { ShadowChanges } from '../shadow/changes.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { DanglingMappings } from './dangling-mappings.ts';
import type { Departures } from './departures.ts';
import type { DmaUnmaps } from './dma-unmaps.ts';
import type { UnequalUnmaps } from './unequal-unmaps.ts';

/** What a check works with. */
export interface CheckContext {
  /** Only to be read: events change it after the checks have seen them. */
  readonly shadow: Shadow;
  readonly findings: FindingCollector;
  readonly names: SourceNames;
  /** What the source has shown so far; complete at {@link Check.finish}. */
  readonly capabilities: Readonly<Capabilities>;
  /** Mappings whose memory was given away, shared by the rules that tell of it. */
  readonly dangling: DanglingMappings;
  /** What drivers leave behind. */
  readonly departures: Departures;
  /** The unmap calls of the DMA API that are worth a look. */
  readonly dmaUnmaps: DmaUnmaps;
  /** The unmap calls that removed more or less than was asked. */
  readonly unequalUnmaps: UnequalUnmaps;
}

/**
 * One rule at work. It implements the events that it judges: each is called before the shadow believes the event.
 * The changes of the shadow are called while it does.
 */
export interface Check extends Partial<KernelEvents>, Partial<ShadowChanges> {
  /**
   * Which kinds of ordinary events it wants to see now, as bits of `ordinary.ts`: asked again whenever something was not
   * ordinary. Absent: all that it implements.
   */
  wantsOrdinary?(): number;
  /** The source is at its end; `lastNs` is the time of its last event. */
  finish?(lastNs: number): void;
}

/** A rule and how to put it to work. */
export interface CheckDefinition {
  readonly rule: Rule;
  create(context: CheckContext): Check;
}
