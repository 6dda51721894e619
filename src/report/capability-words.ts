import type { Capability } from '../kernel/source.ts';

/** What a capability means to a reader, and how to get it. */
export interface CapabilityWords {
  /** Completes "this trace shows ...". */
  readonly shows: string;
  /** Completes "to see this, record ..."; absent where nothing that can be recorded helps. */
  readonly record?: string;
}

/** In the order in which they matter. Event and function names are those of Linux 7.2 and, where they differ, 6.1. */
export const CAPABILITY_WORDS: Readonly<Record<Capability, CapabilityWords>> = {
  hasPageAllocator: {
    shows: 'pages that are allocated and freed',
    record: 'the events kmem:mm_page_alloc and kmem:mm_page_free',
  },
  hasDomains: {
    shows: 'the domain of each mapping',
    record:
      'probes on iommu_map_nosync() (on older kernels: __iommu_map()) and __iommu_unmap() with their domain, IOVA and size',
  },
  hasDomainLifetime: {
    shows: 'when a domain is freed',
    record: 'a probe on iommu_domain_free()',
  },
  hasDevices: {
    shows: 'the device of each mapping',
    record: 'the events of dma (Linux 6.1 has none)',
  },
  hasDmaApi: {
    shows: 'calls of the DMA API with size, direction and attributes',
    record: 'the events of dma (Linux 6.1 has none)',
  },
  hasDriverLifecycle: {
    shows: 'drivers that are bound to a device and unbound',
    record: 'probes on really_probe() and device_unbind_cleanup()',
  },
  hasUnbindEnd: {
    shows: 'the end of an unbind, after managed resources were released',
    record: 'a probe on bus_notify()',
  },
  hasPagePool: {
    shows: 'pages of a page_pool',
    record: 'the events of page_pool',
  },
  hasPoolLifetime: {
    shows: 'page_pools that are created and destroyed',
    record: 'probes on page_pool_create_percpu() and page_pool_destroy()',
  },
  hasFlushes: {
    shows: 'flushes of the IOTLB',
    record:
      "probes on the IOMMU driver's flush functions, such as intel_flush_iotlb_all() and intel_iommu_tlb_sync()",
  },
  hasFaults: {
    shows: 'accesses that the IOMMU refused',
    record: 'the events printk:console and, on AMD and SMMUv2, iommu:io_page_fault',
  },
  hasSlab: {
    shows: 'objects of the slab allocator',
    record: 'the events kmem:kmalloc, kmem:kfree, kmem:kmem_cache_alloc and kmem:kmem_cache_free',
  },
  hasKernelTables: {
    shows: 'kernel page tables that are freed, and the invalidation for shared virtual addressing',
    record: 'probes on pagetable_free_kernel() and iommu_sva_invalidate_kva_range()',
  },
  hasTableUnlinks: {
    shows: 'when the entry that refers to a kernel page table is cleared',
  },
  hasStacks: {
    shows: 'kernel stacks: who mapped, unmapped, allocated and freed',
    record: 'with the stacktrace option (trace-cmd record -T, or a stacktrace trigger on each event)',
  },
  hasEveryAllocation: {
    shows: 'every single page allocation, those of bulk allocation, compaction and CMA included',
  },
};
