import type { Check } from './check.ts';

/**
 * Kinds of events of which nearly all are *ordinary*: a map of free IOVA space, an unmap of mappings that nobody watches,
 * by the size that was asked and, if it is large, quick, for a device whose driver is the one that mapped; pages that
 * nobody can reach; a call of the DMA API that undoes a mapping just as it was made. Compiled code tells these to the
 * shadow by itself where no check wants to see them.
 */
export const PAGE_ALLOC = 1;
export const PAGE_FREE = 2;
export const MAP = 4;
export const UNMAP = 8;
export const DMA_MAP = 16;
export const DMA_UNMAP = 32;

/** Which ordinary events some checks want to see. */
export class Wanted {
  /** Of checks that do not say, and so want all that they implement. */
  private readonly always: number;
  private readonly asked: readonly (() => number)[];

  constructor(checks: readonly Check[]) {
    this.asked = checks.flatMap(check => check.wantsOrdinary?.bind(check) ?? []);
    this.always = checks
      .filter(check => !check.wantsOrdinary)
      .reduce((wanted, check) => wanted | implemented(check), 0);
  }

  /** Bits of the kinds above. */
  now(): number {
    let wanted = this.always;
    for (const ask of this.asked) wanted |= ask();
    return wanted;
  }
}

function implemented(check: Check): number {
  return (
    (check.pageAlloc ? PAGE_ALLOC : 0) |
    (check.pageFree ? PAGE_FREE : 0) |
    (check.iommuMap ? MAP : 0) |
    (check.iommuUnmapBegin || check.iommuUnmapEnd || check.mappingCut ? UNMAP : 0) |
    (check.dmaMap ? DMA_MAP : 0) |
    (check.dmaUnmap ? DMA_UNMAP : 0)
  );
}
