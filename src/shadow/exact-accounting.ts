import type { Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, framesIn } from '../kernel/units.ts';
import type { CountFault, PageAccounting } from './accounting.ts';
import { PageRefs } from './page-refs.ts';

/** Ranges of which none waits long for memory. */
const FEW = 8;

/** Counts what the IOMMU can really reach: exactly the frames that are in the page tables. */
export class ExactAccounting implements PageAccounting {
  readonly kernelWarnings = undefined;
  readonly countsAtBegin = false;
  readonly refs = new PageRefs();
  /** Kept so that reading is not optimised away. */
  touched = 0;
  private readonly framesPerPage: number;
  private readonly fault: CountFault;

  constructor(pageSize: number, fault: CountFault) {
    this.framesPerPage = pageSize / FRAME_SIZE;
    this.fault = fault;
  }

  mapped(_at: Readonly<Moment>, _domain: number, phys: number, size: number): void {
    this.refs.add(frameOf(phys), framesIn(phys, size));
  }

  unmapBegin(): void {}

  unmapEnd(): void {}

  removed(at: Readonly<Moment>, frame: number, frames: number): void {
    if (this.refs.remove(frame, frames) > 0) {
      this.fault(at, Math.floor(frame / this.framesPerPage), 'below zero');
    }
  }

  removedRanges(at: Readonly<Moment>, starts: Float64Array, lengths: Float64Array, ranges: number): void {
    if (ranges > FEW) this.touched = this.refs.touch(starts, ranges);
    for (let i = 0; i < ranges; i++) this.removed(at, starts[i] as number, lengths[i] as number);
  }

  anyMapped(pfn: number, pages: number): boolean {
    return this.refs.anyMapped(pfn * this.framesPerPage, pages * this.framesPerPage);
  }

  mappedPages(pfn: number, pages: number): number {
    const { framesPerPage } = this;
    if (framesPerPage === 1) return this.refs.countMapped(pfn, pages);
    let count = 0;
    for (let page = this.firstMapped(pfn, pages); page >= 0; ) {
      count++;
      page = this.firstMapped(page + 1, pfn + pages - page - 1);
    }
    return count;
  }

  mappingsOf(pfn: number): number {
    return this.framesPerPage === 1 ? this.refs.get(pfn) : -1;
  }

  firstMapped(pfn: number, pages: number): number {
    if (pages <= 0) return -1;
    const frame = this.refs.firstMapped(pfn * this.framesPerPage, pages * this.framesPerPage);
    return frame < 0 ? -1 : Math.floor(frame / this.framesPerPage);
  }

  checked(): void {}
}
