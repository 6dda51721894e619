import type { Moment } from '../kernel/moment.ts';

/** What the shadow tells while it changes its belief: for checks that follow a mapping through its life. */
export interface ShadowChanges {
  /**
   * A map call covers pages of its domain that hold mappings already; these are still there, and are cut next. `iova`,
   * `phys` and `size` are those of the call.
   */
  mapOver(at: Readonly<Moment>, domain: number, iova: number, phys: number, size: number): void;
  /**
   * The same as {@link mappingCut}, of the mappings that somebody has marked with `Mappings.watch`, and before it. To ask
   * for those is all that a check of few mappings should do: an unmap may end a million that concern nobody.
   */
  watchedCut(at: Readonly<Moment>, id: number, iovaPage: number, pages: number, gone: boolean): void;
  /**
   * `pages` of a mapping, from IOVA page `iovaPage`, are gone: unmapped, mapped over, or with their domain. With
   * `gone` the mapping has no page left, and its id will be given to another; its record can still be read.
   * Told of every mapping, but only where `Shadow.tellsEveryCut`.
   */
  mappingCut(at: Readonly<Moment>, id: number, iovaPage: number, pages: number, gone: boolean): void;
  /** A page's count went where it cannot go; see `CountFault`. */
  countFault(at: Readonly<Moment>, pfn: number, fault: 'below zero' | 'refused'): void;
}
