import type { Moment } from '../kernel/moment.ts';

/** Told of an unmap call that removed `unmapped` bytes where `size` were asked for; the shadow still has them. */
export type UnequalUnmapListener = (
  at: Moment,
  domain: number,
  iova: number,
  size: number,
  unmapped: number,
) => void;

/** Looks at each unmap call once, for all rules about its size: nearly every call removes just what was asked. */
export class UnequalUnmaps {
  private readonly listeners: UnequalUnmapListener[] = [];

  onUnequal(listener: UnequalUnmapListener): void {
    this.listeners.push(listener);
  }

  wantsOrdinary(): number {
    return 0;
  }

  iommuUnmapEnd(at: Moment, domain: number, iova: number, size: number, unmapped: number): void {
    if (unmapped === size) return;
    for (const listener of this.listeners) listener(at, domain, iova, size, unmapped);
  }
}
