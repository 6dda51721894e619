import type { KernelEvents } from '../../kernel/events.ts';

/** The two calls of the IOMMU API whose end a probe at the return may tell. */
export type CallKind = 'map' | 'unmap';

/** What is known of the returns of one kind of call. */
interface Returns {
  /** The trace has returns of such calls: one without is missing. */
  returnSeen: boolean;
  /** The trace has the tracepoint of such calls, which tells what a call did. */
  tracepointSeen: boolean;
  missing: number;
  /** Of the missing: what the call did is not known. */
  unknown: number;
  /** Of the unknown: told as lost events. */
  told: number;
  firstNs: number;
  lastCpu: number;
}

/**
 * Calls whose entry is in a trace and whose return is not. A probe at a return is skipped where the kernel has no room to
 * remember the call: all instances of a kretprobe are in use (`nmissed`, kernel/kprobes.c), or the shadow stack of the
 * task is full (kernel/trace/fgraph.c).
 *
 * Where the tracepoint tells what the call did, nothing is lost. Where it does not, anything that was believed since may
 * be wrong, and it is found out late: all of the trace becomes uncertain.
 */
export class MissedReturns {
  private readonly sink: KernelEvents;
  private readonly map = noReturns();
  private readonly unmap = noReturns();

  constructor(sink: KernelEvents) {
    this.sink = sink;
  }

  /** A return of such a call was seen. */
  returned(kind: CallKind): void {
    const returns = this[kind];
    if (returns.returnSeen) return;
    returns.returnSeen = true;
    this.tell(returns);
  }

  /** `iommu:map` or `iommu:unmap` was seen. */
  traced(kind: CallKind): void {
    this[kind].tracepointSeen = true;
  }

  /** So many calls are over whose return was not seen, though their tracepoint was. */
  missingKnown(kind: CallKind, count: number): void {
    this[kind].missing += count;
  }

  /** A call that began at `sinceNs` is over, and its return was not seen; `isKnown` where its tracepoint was. */
  missing(kind: CallKind, cpu: number, sinceNs: number, isKnown: boolean): void {
    const returns = this[kind];
    returns.missing++;
    // A map that the tracepoint does not tell has mapped nothing: it failed.
    if (isKnown || returns.tracepointSeen) return;
    returns.unknown++;
    returns.lastCpu = cpu;
    if (sinceNs < returns.firstNs) returns.firstNs = sinceNs;
    if (returns.returnSeen) this.tell(returns);
  }

  /** Sentences for the reader of a report; complete at the end of the trace. */
  get notes(): string[] {
    const { map, unmap } = this;
    const kinds = [
      ...callsWord(map, 'map call', 'map calls'),
      ...callsWord(unmap, 'unmap call', 'unmap calls'),
    ];
    if (kinds.length === 0) return [];
    const unknown = (map.returnSeen ? map.unknown : 0) + (unmap.returnSeen ? unmap.unknown : 0);
    const outcome =
      unknown === 0
        ? 'What they did is known from the tracepoints iommu:map and iommu:unmap.'
        : `What ${unknown} of them did is not known: maps count as failed, unmaps as done, and no finding is certain. Record iommu:map and iommu:unmap, which tell it.`;
    return [
      `The trace lacks the return of ${kinds.join(' and of ')}, though it has that of others: the kernel has missed the probe there, or the trace ends within the call. ${outcome}`,
    ];
  }

  private tell(returns: Returns): void {
    const count = returns.unknown - returns.told;
    if (count === 0) return;
    returns.told = returns.unknown;
    this.sink.eventsLost(returns.lastCpu, count, returns.firstNs, Number.POSITIVE_INFINITY);
  }
}

function callsWord({ returnSeen, missing }: Returns, one: string, many: string): string[] {
  return returnSeen && missing > 0 ? [`${missing} ${missing === 1 ? one : many}`] : [];
}

function noReturns(): Returns {
  return {
    returnSeen: false,
    tracepointSeen: false,
    missing: 0,
    unknown: 0,
    told: 0,
    firstNs: Number.POSITIVE_INFINITY,
    lastCpu: 0,
  };
}
