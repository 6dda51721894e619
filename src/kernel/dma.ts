/** `enum dma_data_direction`, include/linux/dma-direction.h. */
export const DMA_DIRECTIONS = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE', 'NONE'] as const;

export type DmaDirection = (typeof DMA_DIRECTIONS)[number];

/** Index of `BIDIRECTIONAL` in {@link DMA_DIRECTIONS}. */
export const DMA_BIDIRECTIONAL = 0;

/** Index of `TO_DEVICE` in {@link DMA_DIRECTIONS}. */
export const DMA_TO_DEVICE = 1;

/** Index of `FROM_DEVICE` in {@link DMA_DIRECTIONS}. */
export const DMA_FROM_DEVICE = 2;

/** The name of a direction; a value that the kernel does not define is shown as a number. */
export function dmaDirectionName(direction: number): string {
  return DMA_DIRECTIONS[direction] ?? `direction ${direction}`;
}

/**
 * Which family of DMA API calls made a mapping. A mapping must be undone by the same family
 * (Documentation/core-api/dma-api.rst).
 */
export const DMA_KINDS = ['single', 'sg', 'coherent', 'pages', 'sgt'] as const;

export type DmaKind = (typeof DMA_KINDS)[number];

/** The calls behind each {@link DmaKind}, for messages: `[map, unmap]`. */
export const DMA_CALLS: Readonly<Record<DmaKind, readonly [string, string]>> = {
  single: ['dma_map_phys', 'dma_unmap_phys'],
  sg: ['dma_map_sg', 'dma_unmap_sg'],
  coherent: ['dma_alloc_attrs', 'dma_free_attrs'],
  pages: ['dma_alloc_pages', 'dma_free_pages'],
  sgt: ['dma_alloc_noncontiguous', 'dma_free_noncontiguous'],
};

/** `DMA_ATTR_*` bits, include/linux/dma-mapping.h. */
export const DMA_ATTR_NAMES: readonly (readonly [bit: number, name: string])[] = [
  [1, 'WEAK_ORDERING'],
  [2, 'WRITE_COMBINE'],
  [4, 'NO_KERNEL_MAPPING'],
  [5, 'SKIP_CPU_SYNC'],
  [6, 'FORCE_CONTIGUOUS'],
  [7, 'ALLOC_SINGLE_PAGES'],
  [8, 'NO_WARN'],
  [9, 'PRIVILEGED'],
  [10, 'MMIO'],
  [11, 'CACHELINES_OVERLAP'],
  [12, 'REQUIRE_COHERENT'],
  [13, 'CC_SHARED'],
];

/** `DMA_ATTR_SKIP_CPU_SYNC` */
export const DMA_ATTR_SKIP_CPU_SYNC = 1 << 5;

/** Attributes that must be the same when a mapping is undone (`check_unmap()` in kernel/dma/debug.c, Linux 7.2). */
export const DMA_ATTRS_THAT_MUST_MATCH = (1 << 4) | (1 << 6) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13);

/** `attrs` as the kernel's `dma:*` events print it: names joined by `|`, or `none`. */
export function dmaAttrNames(attrs: number): string {
  const names = DMA_ATTR_NAMES.filter(([bit]) => attrs & (1 << bit)).map(([, name]) => name);
  return names.length > 0 ? names.join('|') : 'none';
}

/** `IOMMU_READ` and `IOMMU_WRITE` in the `prot` argument of `iommu_map()`, include/linux/iommu.h: what the device may do. */
export const IOMMU_PROT_READ = 1 << 0;
export const IOMMU_PROT_WRITE = 1 << 1;

/** `IOMMU_MMIO` in the `prot` argument of `iommu_map()`, include/linux/iommu.h: device registers, such as an MSI doorbell. */
export const IOMMU_PROT_MMIO = 1 << 4;
