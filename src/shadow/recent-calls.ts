import { UNKNOWN } from '../kernel/events.ts';

/** The last IOMMU calls of one thread of execution. */
export interface RecentCalls {
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
  private readonly byContext = new Map<number, RecentCalls>();
  private lastContext = Number.NaN;
  private last: RecentCalls | undefined;

  of(context: number): RecentCalls {
    if (context === this.lastContext && this.last) return this.last;
    let calls = this.byContext.get(context);
    if (!calls) {
      calls = {
        mapDevice: UNKNOWN,
        mapDomain: UNKNOWN,
        mapIova: -1,
        mapEnd: -1,
        unmapDomain: UNKNOWN,
        unmapIova: -1,
        unmapEnd: -1,
      };
      this.byContext.set(context, calls);
    }
    this.lastContext = context;
    this.last = calls;
    return calls;
  }
}
