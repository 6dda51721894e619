/** Places in the kernel that give a page-table page up. */
export type FreeSite =
  /** `pte_free_kernel()`: vmap has put a huge page in the place of a PTE page. */
  | 'pte'
  /** `pmd_free()` in `pud_free_pmd_page()` */
  | 'pmd'
  /** `cpa_collapse_large_pages()`: 512 equal small pages have become a large one again. */
  | 'collapse'
  /** `try_to_free_pte_page()` and `try_to_free_pmd_page()`: CPA has emptied a table. */
  | 'emptied'
  /** `__split_large_page()` has come too late: another CPU has split the page. */
  | 'split loser'
  /** `free_pagetable()` of memory hot-remove; also for huge pages of the vmemmap, which are no tables. */
  | 'hot-remove';

export const PGTABLE_FREE_DESIGNS = ['immediate', 'v3', 'inline', 'merged'] as const;

/**
 * How kernel page-table pages are freed where an IOMMU may walk them:
 * - `immediate`: at once, as before;
 * - `v3`: "iommu/sva: Invalidate KVA range on kernel TLB flush", third version: PTE pages wait for a work that first
 *   invalidates and then takes the list;
 * - `inline`: the patch "mm: Conditionally defer freeing of kernel page table pages" in the answer to it: three lists
 *   (with destructor, single pages, higher orders with a node that must be allocated), and no invalidation yet;
 * - `merged`: Linux 7.2: one list for every page with `PT_kernel`, taken, then invalidated, then freed.
 */
export type PgtableFreeDesign = (typeof PGTABLE_FREE_DESIGNS)[number];

/** What the work does, in this order. */
export type WorkStep = 'invalidate' | 'take' | 'free';

/** On which list a page waits; `undefined`: it is freed at once. */
export type WaitingList = 'dtor' | 'page' | 'pages';

export interface FreeingRules {
  readonly work: readonly WorkStep[];
  /** The pages are freed under the lock under which the list was taken: nobody comes in between. */
  readonly freesUnderLock?: boolean;
  /** Where a page of this site waits. */
  listFor(site: FreeSite, isPtKernel: boolean, order: number): WaitingList | undefined;
}

export const FREEING: Readonly<Record<PgtableFreeDesign, FreeingRules>> = {
  immediate: { work: [], listFor: () => undefined },
  v3: {
    work: ['invalidate', 'take', 'free'],
    freesUnderLock: true,
    listFor: site => (site === 'pte' ? 'dtor' : undefined),
  },
  inline: {
    work: ['take', 'free'],
    listFor(site, _isPtKernel, order) {
      if (site === 'pte' || site === 'pmd') return 'dtor';
      if (site === 'collapse') return 'page';
      if (site === 'hot-remove') return order === 0 ? 'page' : 'pages';
      return undefined;
    },
  },
  merged: {
    work: ['take', 'invalidate', 'free'],
    // By the page, not by the place.
    listFor: (_site, isPtKernel) => (isPtKernel ? 'dtor' : undefined),
  },
};
