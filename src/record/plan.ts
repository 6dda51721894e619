import { FACTS, type Fact, PRESETS, type Preset, type Probe, type Tracepoint, type Way } from './facts.ts';
import type { KernelOffer } from './kernel-offer.ts';

/** An event to enable in the own instance. */
export interface PlannedEvent {
  /** Of the own group for probes. */
  readonly system: string;
  readonly event: string;
  /** The line for `dynamic_events`, for probes. */
  readonly definition?: string;
  readonly withStack: boolean;
  /** Whether its records name a device in a field `dev` or `device`, which can be filtered by. */
  readonly deviceField?: 'dev' | 'device';
}

/** A fact and how it is learnt. */
export interface PlannedFact {
  readonly fact: Fact;
  readonly events: readonly PlannedEvent[];
  /** The other ways to learn it, best first, should the kernel refuse the first. */
  readonly fallbacks: readonly (readonly PlannedEvent[])[];
}

/** What is to be recorded. */
export interface Plan {
  readonly group: string;
  readonly facts: readonly PlannedFact[];
  /** Facts of the preset that this kernel cannot tell. */
  readonly missing: readonly Fact[];
}

export interface PlanOptions {
  readonly preset: Preset;
  /** Overrides the preset: stacks with everything that may have one, or with nothing. */
  readonly stacks?: boolean;
  /** Name of the group of dynamic events. */
  readonly group: string;
}

/** Chooses for each fact of a preset how to learn it from this kernel. */
export function planRecording(offer: KernelOffer, options: PlanOptions): Plan {
  const facts: PlannedFact[] = [];
  const missing: Fact[] = [];
  for (const fact of FACTS) {
    if (!includes(options.preset, fact.preset)) continue;
    if (fact.unless !== undefined && facts.some(({ fact: other }) => other.id === fact.unless)) continue;
    const ways = fact.ways
      .filter(way => isOffered(way, offer))
      .map(way => way.sources.map(source => planEvent(source, fact, offer, options)));
    const [first, ...fallbacks] = fact.takeAll ? [ways.flat()] : ways;
    if (first !== undefined && first.length > 0) facts.push({ fact, events: first, fallbacks });
    else if (fact.without !== undefined) missing.push(fact);
  }
  return { group: options.group, facts, missing };
}

/** Whether `preset` contains what is first recorded by `least`. */
function includes(preset: Preset, least: Preset): boolean {
  return PRESETS.indexOf(least) <= PRESETS.indexOf(preset);
}

function isOffered(
  { sources, architectures, needsFunction, needsSafeFaultEvent }: Way,
  offer: KernelOffer,
): boolean {
  if (architectures && !architectures.includes(offer.architecture)) return false;
  if (needsFunction !== undefined && !offer.hasFunction(needsFunction)) return false;
  if (needsSafeFaultEvent && !offer.isFaultEventSafe) return false;
  return sources.every(source => {
    if (source.kind === 'tracepoint') return offer.hasTracepoint(source.system, source.event);
    if (source.argumentsAtReturn && !offer.hasArgumentsAtReturn) return false;
    return (offer.hasFprobes || offer.hasKprobes) && offer.hasFunction(source.function);
  });
}

function planEvent(
  source: Tracepoint | Probe,
  { stacks }: Fact,
  offer: KernelOffer,
  options: PlanOptions,
): PlannedEvent {
  const withStack = stacks !== undefined && (options.stacks ?? includes(options.preset, stacks));
  if (source.kind === 'tracepoint') {
    const { system, event } = source;
    return { system, event, withStack, ...(system === 'dma' ? { deviceField: 'device' } : {}) };
  }
  return {
    system: options.group,
    event: source.event,
    definition: definitionOf(source, offer.hasFprobes, options.group),
    withStack,
    ...(/\bdev=/.test(source.arguments) ? { deviceField: 'dev' } : {}),
  };
}

/** The line for `dynamic_events` that makes a probe: an fprobe where the kernel has them, else a kprobe or kretprobe. */
export function definitionOf(probe: Probe, asFprobe: boolean, group: string): string {
  const name = `${group}/${probe.event}`;
  if (!asFprobe) {
    return `${probe.kind === 'entry' ? 'p' : 'r'}:${name} ${probe.function} ${probe.arguments}`;
  }
  return `f:${name} ${probe.function}${probe.kind === 'entry' ? '' : '%return'} ${probe.arguments}`;
}

/** All events of a plan, as they are to be enabled. */
export function eventsOf(plan: Plan): PlannedEvent[] {
  return plan.facts.flatMap(({ events }) => events);
}
