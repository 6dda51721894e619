/** The designs of IOMMU_DEBUG_PAGEALLOC that were discussed, as `iommusan simulate --sanitizer` names them. */
export const SANITIZER_DESIGNS = ['off', 'v2', 'v5', 'merged'] as const;

export type SanitizerDesign = (typeof SANITIZER_DESIGNS)[number];

/**
 * What the sanitizer does, one decision each. The designs differ in a few of them; a test turns one over and shows which
 * scenario notices (drivers/iommu/iommu-debug-pagealloc.c, Linux 7.2).
 */
export interface SanitizerRules {
  /** Steps of a walk: the smallest page of the domain, or the CPU's page. */
  readonly step: 'granule' | 'page';
  /** Refuses, with a warning, to count a map of physical address 0. */
  readonly refusesPhysZero: boolean;
  /** Refuses, with a warning, a range that ends at or beyond 2^64. */
  readonly refusesOverflow: boolean;
  /** Counts down when the unmap begins, while the page tables still translate; else when it has ended. */
  readonly countsDownFirst: boolean;
  /** Counts up again what a short unmap has left. */
  readonly countsShortUnmapUp: boolean;
  /** What happens when more was unmapped than asked. */
  readonly overUnmap: 'ignored' | 'walked' | 'warned';
  /** A translation to physical address 0 is no translation. */
  readonly zeroIsNoTranslation: boolean;
  /** Which pages have a counter: those of online memory, or all with a `struct page`, of which some have none. */
  readonly counted: 'online' | 'pfn-valid';
  /** Warns when a count leaves its range. */
  readonly warnsOfRange: boolean;
  readonly checksAtAlloc: boolean;
  readonly checksAtFree: boolean;
  /** A page is suspicious with any count that is not 0, or only with one above. */
  readonly suspicious: 'not-zero' | 'above-zero';
}

/** As merged in Linux 7.2. */
const MERGED: SanitizerRules = {
  step: 'granule',
  refusesPhysZero: true,
  refusesOverflow: true,
  countsDownFirst: true,
  countsShortUnmapUp: true,
  overUnmap: 'warned',
  zeroIsNoTranslation: true,
  counted: 'online',
  warnsOfRange: true,
  checksAtAlloc: true,
  checksAtFree: true,
  suspicious: 'not-zero',
};

/**
 * v5 of January 2026: the surplus of an unmap is walked after it is gone, so that nothing is found; the page_ext of a
 * page is used without a test whether it has one.
 */
const V5: SanitizerRules = { ...MERGED, overUnmap: 'walked', counted: 'pfn-valid' };

/**
 * v2 of November 2025: `unmap` and `remap`, with the test for a short unmap in iommu.c; a surplus is not looked at. What
 * the later mails do not say to have changed is taken to be as in v5.
 */
const V2: SanitizerRules = { ...V5, overUnmap: 'ignored' };

/** The rules of a design; `undefined` where the sanitizer is off. */
export function rulesOf(design: SanitizerDesign): SanitizerRules | undefined {
  return { off: undefined, v2: V2, v5: V5, merged: MERGED }[design];
}
