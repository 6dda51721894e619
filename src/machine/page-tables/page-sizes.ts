import { alignmentShift } from './formats/address-bits.ts';
import type { EntryFormat } from './formats/entry-format.ts';
import { log2Floor, POWER } from './powers.ts';

/** The page sizes of a format, for the question which is the largest that fits. */
export class PageSizes {
  /** `domain->pgsize_bitmap`: the sum of all sizes in bytes. */
  readonly bitmap: number;
  /** For each shift the largest page size that is not larger, or 0. */
  private readonly largest = new Uint8Array(65);
  private readonly levels = new Int8Array(65).fill(-1);

  /** @param allowed restricts the sizes, as hardware capabilities do; undefined: all that the format has */
  constructor(format: EntryFormat, topLevel: number, allowed?: (shift: number) => boolean) {
    let bitmap = 0;
    for (let level = 0; level <= topLevel; level++) {
      for (const shift of format.leafShifts(level)) {
        if (allowed !== undefined && !allowed(shift)) continue;
        this.levels[shift] = level;
        bitmap += POWER[shift] as number;
      }
    }
    this.bitmap = bitmap;
    let best = 0;
    for (let shift = 0; shift <= 64; shift++) {
      if ((this.levels[shift] as number) >= 0) best = shift;
      this.largest[shift] = best;
    }
  }

  /** Level of leaves of `2 ** shift` bytes, or -1 where there is no such page size. */
  levelOf(shift: number): number {
    return this.levels[shift] as number;
  }

  /** The largest page that may begin at `iova` and `phys` and is not longer than `size`, or 0 where none is. */
  best(iova: number, phys: number, size: number): number {
    const aligned = Math.min(alignmentShift(iova), alignmentShift(phys), 64);
    return this.largest[Math.min(aligned, log2Floor(size))] as number;
  }
}
