import type { BoundDriver } from './bound-drivers.ts';
import type { MissingFact } from './instance.ts';

/**
 * What a recording says of itself and of the state that it found, as texts for `trace_marker`: they stand in the trace
 * like any event, so they reach every reader in every form of file. `src/trace/bindings/marker.ts` reads them.
 */
export function markersAtStart(missing: readonly MissingFact[], bound: readonly BoundDriver[]): string[] {
  return [
    ...missing.map(({ fact, reason }) => `iommusan: missing ${missingText({ fact, reason })}`),
    ...bound.map(({ device, driver }) => `iommusan: bound ${device} ${driver}`),
  ];
}

/** `dma-api: this kernel has no event for it; mistakes in the use of the DMA API are not seen` */
export function missingText({ fact, reason }: MissingFact): string {
  return `${fact.id}: ${reason}${fact.without === undefined ? '' : `; ${fact.without}`}`;
}

/** What is not known where the state at the beginning could not be had. */
export function initialStateMissing(reason: string): string {
  return `initial-state: ${reason}; what was mapped before is never blamed`;
}

/** Calls that probes have missed, by the name of their event. */
export function markersAtEnd(missed: ReadonlyMap<string, number>): string[] {
  return Array.from(missed, ([event, count]) => `iommusan: missed ${event} ${count}`);
}

/**
 * Reads `kprobe_profile`: a kprobe that is hit within another, or a kretprobe that has run out of places to note the
 * return in, is only counted there.
 */
export function missedCalls(profile: string, events: ReadonlySet<string>): Map<string, number> {
  const missed = new Map<string, number>();
  for (const line of profile.split('\n')) {
    const [, event = '', , count] = /^\s*(\S+)\s+(\d+)\s+(\d+)/.exec(line) ?? [];
    if (Number(count) > 0 && events.has(event)) missed.set(event, Number(count));
  }
  return missed;
}
