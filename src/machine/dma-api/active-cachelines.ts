import { DMA_TO_DEVICE } from '../../kernel/dma.ts';

/** `L1_CACHE_BYTES` of most machines that Linux runs on. */
const CACHE_LINE = 64;

/** `ACTIVE_CACHELINE_MAX_OVERLAP`: what the three tags of a radix tree's slot can count to. */
const MAX_OVERLAP = 7;

/** A cache line that a device may write. */
interface ActiveLine {
  /** Whether the mapping that came first vouches for its cache lines (`is_cache_clean`). */
  readonly isClean: boolean;
  overlaps: number;
}

/** What is there already when a mapping is entered. */
export interface Overlap {
  readonly line: number;
  /** The mapping that came first vouches for its cache lines. */
  readonly isClean: boolean;
  /** More mappings share the line than can be counted; from then on the count is too low. */
  readonly exceeds: boolean;
}

/**
 * `dma_active_cacheline` of kernel/dma/debug.c: the first cache line of each mapping that a device may write, with the
 * number of further mappings of that line.
 */
export class ActiveCachelines {
  static readonly lineBytes = CACHE_LINE;
  static readonly maxOverlap = MAX_OVERLAP;
  private readonly lines = new Map<number, ActiveLine>();

  /** `active_cacheline_insert()`: `undefined` where nothing overlaps, or the device only reads. */
  insert(phys: number, direction: number, isClean: boolean): Overlap | undefined {
    if (direction === DMA_TO_DEVICE) return undefined;
    const line = Math.floor(phys / CACHE_LINE);
    const active = this.lines.get(line);
    if (!active) {
      this.lines.set(line, { isClean, overlaps: 0 });
      return undefined;
    }
    const exceeds = active.overlaps === MAX_OVERLAP;
    if (!exceeds) active.overlaps++;
    return { line, isClean: active.isClean, exceeds };
  }

  /** `active_cacheline_remove()` */
  remove(phys: number, direction: number): void {
    const line = Math.floor(phys / CACHE_LINE);
    const active = this.lines.get(line);
    if (!active || direction === DMA_TO_DEVICE) return;
    if (active.overlaps === 0) this.lines.delete(line);
    else active.overlaps--;
  }
}
