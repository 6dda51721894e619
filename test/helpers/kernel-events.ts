import { EventType, type FieldSpec } from './event-type.ts';

/** The events that the bindings know, as Linux 7.2 on a 64-bit machine declares them. */
export const KERNEL_STACK = new EventType('ftrace', 'kernel_stack', 4, [
  ['int size', 4, 'signed'],
  ['unsigned long caller[8]', 64],
]);

export const IOMMU_MAP = new EventType('iommu', 'map', 501, [
  ['u64 iova', 8],
  ['u64 paddr', 8],
  ['size_t size', 8],
]);

export const IOMMU_UNMAP = new EventType('iommu', 'unmap', 502, [
  ['u64 iova', 8],
  ['size_t size', 8],
  ['size_t unmapped_size', 8],
]);

export const PAGE_ALLOC = new EventType('kmem', 'mm_page_alloc', 511, [
  ['unsigned long pfn', 8],
  ['unsigned int order', 4],
  ['unsigned long gfp_flags', 8],
  ['int migratetype', 4, 'signed'],
]);

export const PAGE_FREE = new EventType('kmem', 'mm_page_free', 512, [
  ['unsigned long pfn', 8],
  ['unsigned int order', 4],
]);

export const PAGE_FREE_BATCHED = new EventType('kmem', 'mm_page_free_batched', 513, [
  ['unsigned long pfn', 8],
]);

const ENTRY: FieldSpec = ['unsigned long __probe_ip', 8];
const RETURN: readonly FieldSpec[] = [
  ['unsigned long __probe_func', 8],
  ['unsigned long __probe_ret_ip', 8],
];

/** A probe at the entry of a function: what it is called is up to whoever recorded. */
export function entryProbe(name: string, id: number, fields: readonly FieldSpec[]): EventType {
  return new EventType('iommusan', name, id, [ENTRY, ...fields]);
}

/** A probe at the return of a function. */
export function returnProbe(name: string, id: number, fields: readonly FieldSpec[]): EventType {
  return new EventType('iommusan', name, id, [...RETURN, ...fields]);
}

/** `iommu_map_nosync`, with the names that iommusan itself gives. */
export const MAP_ENTRY = entryProbe('map', 601, [
  ['u64 domain', 8],
  ['u64 iova', 8],
  ['u64 paddr', 8],
  ['u64 size', 8],
  ['u32 prot', 4],
]);

export const MAP_RETURN = returnProbe('map_ret', 602, [['s32 ret', 4, 'signed']]);

/** `__iommu_unmap` */
export const UNMAP_ENTRY = entryProbe('unmap', 603, [
  ['u64 domain', 8],
  ['u64 iova', 8],
  ['u64 size', 8],
]);

/** Addresses of the functions of a made-up kernel, and its symbols. */
export const FUNCTIONS = {
  iommu_map_nosync: 0xffff_ffff_8100_1000n,
  __iommu_unmap: 0xffff_ffff_8100_2000n,
  iommu_unmap: 0xffff_ffff_8100_2100n,
  iommu_unmap_fast: 0xffff_ffff_8100_2200n,
  iommu_map: 0xffff_ffff_8100_2300n,
  iommu_domain_free: 0xffff_ffff_8100_3000n,
  iommu_paging_domain_alloc_flags: 0xffff_ffff_8100_3100n,
  iommu_setup_dma_ops: 0xffff_ffff_8100_3200n,
  __iommu_attach_device: 0xffff_ffff_8100_3300n,
  iommu_dma_map_page: 0xffff_ffff_8100_3400n,
  really_probe: 0xffff_ffff_8100_4000n,
  device_unbind_cleanup: 0xffff_ffff_8100_4100n,
  bus_notify: 0xffff_ffff_8100_4200n,
  page_pool_destroy: 0xffff_ffff_8100_5000n,
  page_pool_create_percpu: 0xffff_ffff_8100_5100n,
  kfree: 0xffff_ffff_8100_6000n,
  intel_flush_iotlb_all: 0xffff_ffff_8100_7000n,
  amd_iommu_flush_iotlb_all: 0xffff_ffff_8100_7100n,
  arm_smmu_flush_iotlb_all: 0xffff_ffff_8100_7200n,
  intel_iommu_tlb_sync: 0xffff_ffff_8100_7300n,
  amd_iommu_iotlb_sync: 0xffff_ffff_8100_7400n,
  arm_smmu_iotlb_sync: 0xffff_ffff_8100_7500n,
  iommu_sva_bind_device: 0xffff_ffff_8100_8000n,
  iommu_sva_unbind_device: 0xffff_ffff_8100_8100n,
  iommu_sva_invalidate_kva_range: 0xffff_ffff_8100_8200n,
  pagetable_free_kernel: 0xffff_ffff_8100_8300n,
  alloc_pages_bulk_noprof: 0xffff_ffff_8100_9000n,
} as const;

export const KALLSYMS = Object.entries(FUNCTIONS)
  .sort(([, a], [, b]) => (a < b ? -1 : 1))
  .map(([name, address]) => `${address.toString(16).padStart(16, '0')} T ${name}\n`)
  .join('');

/** Where a probe on a function says that it is: at its entry or, for a return probe, by the function. */
export function at(name: keyof typeof FUNCTIONS): { __probe_ip: bigint; __probe_func: bigint } {
  return { __probe_ip: FUNCTIONS[name], __probe_func: FUNCTIONS[name] };
}
