import { UNKNOWN } from '../kernel/events.ts';
import { PerContext } from '../kernel/per-context.ts';

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

/** {@link RecentCalls} by `Moment.context`: joins a DMA API event with the IOMMU call that it made. */
export class RecentCallsByContext {
  // A call is joined with what is right behind it: what is older may go.
  private readonly calls = new PerContext(noCalls, () => true);

  of(context: number): RecentCalls {
    return this.calls.of(context);
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
