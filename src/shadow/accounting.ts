import type { Moment } from '../kernel/moment.ts';

/** Called where a count left its range: below zero, or above what it can hold. */
export type CountFault = (at: Readonly<Moment>, pfn: number, fault: 'below zero' | 'refused') => void;

/**
 * How many mappings reach each page: the belief that the page checks ask. All frames and pages of IOVA space are of
 * 4 KiB; `pfn` counts pages of the kernel's size.
 */
export interface PageAccounting {
  /** Whether {@link unmapBegin} means anything. */
  readonly countsAtBegin: boolean;
  /** A map call, as the kernel passes it: byte addresses. */
  mapped(at: Readonly<Moment>, domain: number, phys: number, size: number): void;
  /** An unmap call was entered; the mapping is still in the page tables. */
  unmapBegin(at: Readonly<Moment>, domain: number, iova: number, size: number): void;
  /** An unmap call has ended; the page tables are already without what it removed. */
  unmapEnd(at: Readonly<Moment>, domain: number, iova: number, size: number, unmapped: number): void;
  /** A run of frames went out of the page tables, whatever removed it. */
  removed(at: Readonly<Moment>, frame: number, frames: number): void;
  /** Runs of frames went out of the page tables together: the first frame and the frames of each. */
  removedRanges(at: Readonly<Moment>, starts: Float64Array, lengths: Float64Array, ranges: number): void;
  /** Pages of a block that are believed mapped. */
  mappedPages(pfn: number, pages: number): number;
  /** Whether {@link mappedPages} would not be 0: the question of every allocation and free, made cheap. */
  anyMapped(pfn: number, pages: number): boolean;
  /** How many mappings reach a page; -1 where the accounting cannot tell. */
  mappingsOf(pfn: number): number;
  /** The first page of the block that is believed mapped, or -1. */
  firstMapped(pfn: number, pages: number): number;
  /** A block was allocated or freed: the point at which the kernel's sanitizer looks and warns. */
  checked(at: Readonly<Moment>, pfn: number, pages: number): void;
  /** Per-page warnings that the kernel would have printed; `undefined` where the kernel is not imitated. */
  readonly kernelWarnings: number | undefined;
}
