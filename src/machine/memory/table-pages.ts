/**
 * Where page tables get their memory: `iommu_alloc_pages_node_sz()` and `iommu_free_pages()` (drivers/iommu/iommu-pages.c,
 * Linux 7.2). The page allocator implements it; table pages are ordinary pages and appear in its events.
 */
export interface TablePages {
  /**
   * A zeroed table of `sizeBytes` (a power of two), aligned to its size.
   *
   * @returns its physical address, or `undefined` where memory has run out
   */
  allocTable(sizeBytes: number): number | undefined;
  /** Gives a table back at once. What an IOMMU may still have cached goes to `IotlbGather.freelist` instead. */
  freeTable(phys: number): void;
}
