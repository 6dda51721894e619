import type { Moment } from '../kernel/moment.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { CountFault, PageAccounting } from './accounting.ts';

/** What `iommu_iova_to_phys()` returns, in frames of 4 KiB: -1 for no translation. */
export type Translate = (domain: number, iovaPage: number) => number;

const CHUNK_SHIFT = 9;
const CHUNK_PAGES = 1 << CHUNK_SHIFT;

/** Beyond this, `phys + size` overflows `size_t` (64-bit kernels). */
const ADDRESS_LIMIT = 2 ** 64;

/**
 * More granules than a call maps: a size above it comes from a damaged trace, and walking it would not end in a
 * reasonable time. 2^24 granules of 4 KiB are 64 GiB.
 */
const MOST_GRANULES = 2 ** 24;

/**
 * Counts what IOMMU_DEBUG_PAGEALLOC of Linux 7.2 counts, granule by granule, with its blind spots and its false
 * alarms (drivers/iommu/iommu-debug-pagealloc.c).
 *
 * The granule is the smallest page of the domain. A trace does not name it; 4 KiB is that of VT-d, of AMD's IOMMU
 * and of an SMMU on a 4 KiB kernel.
 */
export class KernelAccounting implements PageAccounting {
  kernelWarnings = 0;
  readonly countsAtBegin = true;
  private readonly chunks = new Map<number, Int32Array>();
  private readonly pageSize: number;
  private readonly granule: number;
  private readonly translate: Translate;
  private readonly fault: CountFault;

  constructor(pageSize: number, translate: Translate, fault: CountFault, granule = FRAME_SIZE) {
    this.pageSize = pageSize;
    this.granule = granule;
    this.translate = translate;
    this.fault = fault;
  }

  /** `iommu_debug_map()`: physical address 0 and an overflow are refused with a warning, and nothing is counted. */
  mapped(at: Readonly<Moment>, _domain: number, phys: number, size: number): void {
    if (phys === 0 || phys + size >= ADDRESS_LIMIT) {
      this.fault(at, Math.floor(phys / this.pageSize), 'refused');
      return;
    }
    if (size / this.granule > MOST_GRANULES) return;
    for (let offset = 0; offset < size; offset += this.granule) {
      const pfn = Math.floor((phys + offset) / this.pageSize);
      if (this.change(pfn, 1) <= 0) this.fault(at, pfn, 'below zero');
    }
  }

  /** `iommu_debug_unmap_begin()`: counts down what the page tables still hold. */
  unmapBegin(at: Readonly<Moment>, domain: number, iova: number, size: number): void {
    this.update(at, domain, iova, size, -1);
  }

  /**
   * `iommu_debug_unmap_end()`: an unmap that did less is counted up again; one that did more is warned of once by the
   * kernel, and its surplus stays counted for ever.
   */
  unmapEnd(at: Readonly<Moment>, domain: number, iova: number, size: number, unmapped: number): void {
    if (unmapped < size) this.update(at, domain, iova + unmapped, size - unmapped, 1);
  }

  removed(): void {}

  removedRanges(): void {}

  anyMapped(pfn: number, pages: number): boolean {
    return this.firstMapped(pfn, pages) >= 0;
  }

  mappedPages(pfn: number, pages: number): number {
    let count = 0;
    this.forEachMapped(pfn, pages, () => {
      count++;
      return true;
    });
    return count;
  }

  firstMapped(pfn: number, pages: number): number {
    let first = -1;
    this.forEachMapped(pfn, pages, page => {
      first = page;
      return false;
    });
    return first;
  }

  checked(_at: Readonly<Moment>, pfn: number, pages: number): void {
    this.kernelWarnings += this.mappedPages(pfn, pages);
  }

  /** The count of one page; negative where more was unmapped than mapped. */
  mappingsOf(pfn: number): number {
    return this.chunks.get(Math.floor(pfn / CHUNK_PAGES))?.[pfn % CHUNK_PAGES] ?? 0;
  }

  /** `iommu_debug_update_iova()`: an overflow is refused; what does not translate is skipped, physical page 0 too. */
  private update(at: Readonly<Moment>, domain: number, iova: number, size: number, by: 1 | -1): void {
    if (iova + size >= ADDRESS_LIMIT) {
      this.fault(at, 0, 'refused');
      return;
    }
    if (size / this.granule > MOST_GRANULES) return;
    for (let offset = 0; offset < size; offset += this.granule) {
      const frame = this.translate(domain, Math.floor((iova + offset) / FRAME_SIZE));
      if (frame <= 0) continue;
      const pfn = Math.floor((frame * FRAME_SIZE) / this.pageSize);
      const count = this.change(pfn, by);
      if (by < 0 ? count < 0 : count <= 0) this.fault(at, pfn, 'below zero');
    }
  }

  private change(pfn: number, by: number): number {
    const key = Math.floor(pfn / CHUNK_PAGES);
    let chunk = this.chunks.get(key);
    if (!chunk) {
      chunk = new Int32Array(CHUNK_PAGES);
      this.chunks.set(key, chunk);
    }
    const count = (chunk[pfn % CHUNK_PAGES] as number) + by;
    chunk[pfn % CHUNK_PAGES] = count;
    return count;
  }

  /** A negative count is not 0 either: the kernel warns of both. */
  private forEachMapped(pfn: number, pages: number, visit: (pfn: number) => boolean): void {
    for (let page = pfn; page < pfn + pages; ) {
      const chunk = this.chunks.get(Math.floor(page / CHUNK_PAGES));
      const chunkEnd = Math.min(pfn + pages, (Math.floor(page / CHUNK_PAGES) + 1) * CHUNK_PAGES);
      if (chunk) {
        for (let at = page; at < chunkEnd; at++) {
          if (chunk[at % CHUNK_PAGES] !== 0 && !visit(at)) return;
        }
      }
      page = chunkEnd;
    }
  }
}
