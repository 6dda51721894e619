/**
 * What becomes of the DMA mappings of pages that are in flight when their driver leaves: the designs of the thread on
 * "page_pool: fix IOMMU crash when driver has already unbound", as `iommusan simulate --page-pool` names them.
 */
export const PAGE_POOL_DESIGNS = ['before', 'keep-device', 'skip-unmap', 'merged'] as const;

export type PagePoolDesign = (typeof PAGE_POOL_DESIGNS)[number];

/** What a design does, one decision each. */
export interface PagePoolRules {
  /** The pool holds a reference to its device, so that `struct device` stays; the driver and its ops go all the same. */
  readonly keepsDevice: boolean;
  /** A page that comes back after the driver has left is not unmapped. */
  readonly skipsLateUnmap: boolean;
  /** In-flight pages are recorded, and unmapped when the pool is destroyed: `page_pool_scrub()`. */
  readonly scrubs: boolean;
  /** Of two that want to unmap a recorded page only one does. */
  readonly unmapsOnce: boolean;
  /** A page that cannot be recorded is unmapped again and not used. */
  readonly undoesUnrecorded: boolean;
  /** A page that somebody else holds is not recycled. */
  readonly recyclesOnlySole: boolean;
  /** A page that leaves the pool is unmapped. */
  readonly unmapsAtReturn: boolean;
  /** `page_pool_destroy()` waits for XDP. */
  readonly waitsForXdp: boolean;
  /** A page without bits for its index is not recorded. */
  readonly needsIndexBits: boolean;
  /** Warns when more pages came back than the pool held. */
  readonly warnsOfNegative: boolean;
  /** Memory of a provider has no pages to be mapped or freed. */
  readonly sparesProviders: boolean;
}

/** What all designs have in common. */
const COMMON = {
  unmapsOnce: true,
  undoesUnrecorded: true,
  recyclesOnlySole: true,
  unmapsAtReturn: true,
  waitsForXdp: true,
  needsIndexBits: true,
  warnsOfNegative: true,
  sparesProviders: true,
};

export const PAGE_POOL_RULES: Readonly<Record<PagePoolDesign, PagePoolRules>> = {
  /** Linux before the fix: unmapped when it comes back, through whatever the device is by then. */
  before: { ...COMMON, keepsDevice: false, skipsLateUnmap: false, scrubs: false },
  /** As proposed in the thread: wait, and keep the device alive meanwhile. */
  'keep-device': { ...COMMON, keepsDevice: true, skipsLateUnmap: false, scrubs: false },
  /** As proposed in the thread: notice that the driver has gone, and leave the mapping as it is. */
  'skip-unmap': { ...COMMON, keepsDevice: false, skipsLateUnmap: true, scrubs: false },
  /** Linux 7.2 (net/core/page_pool.c). */
  merged: { ...COMMON, keepsDevice: false, skipsLateUnmap: false, scrubs: true },
};
