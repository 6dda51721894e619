import { UNKNOWN } from '../kernel/events.ts';

/** The last IOMMU calls of one thread of execution. */
export interface RecentCalls {
  /** Time of the last event of the thread that had to do with these. */
  lastNs: number;
  /** A DMA API call named the device of the map that follows. */
  mapDevice: number;
  /** The last map; its domain is that of the DMA API event right behind it. */
  mapDomain: number;
  mapIova: number;
  mapEnd: number;
  /** The last unmap and what it did; `undefined` sizes of -1 before any. */
  unmapDomain: number;
  unmapIova: number;
  unmapEnd: number;
}

/** Threads of execution whose last calls are kept. */
const CONTEXTS_KEPT = 65_536;

/** {@link RecentCalls} by `Moment.context`: joins a DMA API event with the IOMMU call that it made. */
export class RecentCallsByContext {
  private readonly byContext = new Map<number, RecentCalls>();
  private lastContext = Number.NaN;
  private last: RecentCalls | undefined;

  of(context: number): RecentCalls {
    if (context === this.lastContext && this.last) return this.last;
    let calls = this.byContext.get(context);
    if (!calls) {
      // Tasks come and go for days on a live kernel; a call is joined with what is right behind it.
      if (this.byContext.size >= CONTEXTS_KEPT) this.byContext.clear();
      calls = noCalls();
      this.byContext.set(context, calls);
    }
    this.lastContext = context;
    this.last = calls;
    return calls;
  }
}

function noCalls(): RecentCalls {
  return {
    lastNs: Number.NEGATIVE_INFINITY,
    mapDevice: UNKNOWN,
    mapDomain: UNKNOWN,
    mapIova: -1,
    mapEnd: -1,
    unmapDomain: UNKNOWN,
    unmapIova: -1,
    unmapEnd: -1,
  };
}

/** Nothing is known of the thread any more: events are missing since. */
export function forgetCalls(calls: RecentCalls): void {
  Object.assign(calls, noCalls());
}
