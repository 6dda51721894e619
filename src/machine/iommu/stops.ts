/** Places in the core at which another CPU may come in between; a thread stops there under these names. */
export const STOP = {
  /** `iommu_map()`: the page tables translate already, the sanitizer has not counted yet (race R1). */
  mapTranslates: 'iommu_map: translates, not yet counted',
  /** `iommu_unmap()`: the sanitizer has counted down, the page tables translate still (race R2). */
  unmapCounted: 'iommu_unmap: counted down, still translates',
  /** `iommu_unmap()`: the page tables are changed, the IOTLB is not flushed yet (race R3). */
  unmapUnflushed: 'iommu_unmap: unmapped, not yet flushed',
} as const;
