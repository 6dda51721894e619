// The events of `iommusan record`, as the benchmarks write them.

const MAP_PROBE = 0xffff_ffff_8180_0004n;
const UNMAP_PROBE = 0xffff_ffff_8180_0204n;
const CALLER = 0xffff_ffff_8180_0a10n;
export const KALLSYMS = `ffffffff81000000 T _text
ffffffff81800000 T iommu_map_nosync
ffffffff81800200 t __iommu_unmap
ffffffff81800400 T iommu_unmap
ffffffff81a00000 T _etext
`;

const DEVICE = '__data_loc char[] device';
export const SHAPES = {
  map: [
    'iommu',
    'map',
    ['u64 iova', 'u64 paddr', 'size_t size'],
    '"IOMMU: iova=0x%016llx - 0x%016llx paddr=0x%016llx size=%zu", REC->iova, REC->iova + REC->size, REC->paddr, REC->size',
  ],
  unmap: [
    'iommu',
    'unmap',
    ['u64 iova', 'size_t size', 'size_t unmapped_size'],
    '"IOMMU: iova=0x%016llx - 0x%016llx size=%zu unmapped_size=%zu", REC->iova, REC->iova + REC->size, REC->size, REC->unmapped_size',
  ],
  mapEntry: [
    'iommusan',
    'map',
    ['unsigned long __probe_ip', 'u64 domain', 'u64 iova', 'u64 paddr', 'u64 size', 'u32 prot'],
    '"(%lx) domain=0x%Lx iova=0x%Lx paddr=0x%Lx size=0x%Lx prot=0x%x", REC->__probe_ip, REC->domain, REC->iova, REC->paddr, REC->size, REC->prot',
  ],
  mapReturn: [
    'iommusan',
    'map_ret',
    ['unsigned long __probe_func', 'unsigned long __probe_ret_ip', 's32 ret'],
    '"(%lx <- %lx) ret=%d", REC->__probe_func, REC->__probe_ret_ip, REC->ret',
  ],
  unmapEntry: [
    'iommusan',
    'unmap',
    ['unsigned long __probe_ip', 'u64 domain', 'u64 iova', 'u64 size'],
    '"(%lx) domain=0x%Lx iova=0x%Lx size=0x%Lx", REC->__probe_ip, REC->domain, REC->iova, REC->size',
  ],
  dmaMap: [
    'dma',
    'dma_map_phys',
    [DEVICE, 'u64 phys_addr', 'u64 dma_addr', 'size_t size', 'int dir', 'unsigned long attrs'],
    '"%s dir=%d dma_addr=%llx size=%zu phys_addr=%llx attrs=%lx", __get_str(device), REC->dir, REC->dma_addr, REC->size, REC->phys_addr, REC->attrs',
  ],
  dmaUnmap: [
    'dma',
    'dma_unmap_phys',
    [DEVICE, 'u64 addr', 'size_t size', 'int dir', 'unsigned long attrs'],
    '"%s dir=%d dma_addr=%llx size=%zu attrs=%lx", __get_str(device), REC->dir, REC->addr, REC->size, REC->attrs',
  ],
  alloc: [
    'kmem',
    'mm_page_alloc',
    ['unsigned long pfn', 'unsigned int order', 'unsigned long gfp_flags', 'int migratetype'],
    '"pfn=0x%lx order=%d migratetype=%d gfp_flags=%lx", REC->pfn, REC->order, REC->migratetype, REC->gfp_flags',
  ],
  free: [
    'kmem',
    'mm_page_free',
    ['unsigned long pfn', 'unsigned int order'],
    '"pfn=0x%lx order=%d", REC->pfn, REC->order',
  ],
};

/** Of the probes: what their fields hold in every event. */
export const CONSTANTS = {
  mapEntry: { __probe_ip: MAP_PROBE, prot: 3 },
  mapReturn: { __probe_func: MAP_PROBE, __probe_ret_ip: CALLER, ret: 0 },
  unmapEntry: { __probe_ip: UNMAP_PROBE },
  alloc: { gfp_flags: 0xcc0, migratetype: 0 },
};
