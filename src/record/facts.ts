/** How much is recorded: each preset has all of those before it. */
export const PRESETS = ['minimal', 'default', 'full'] as const;

export type Preset = (typeof PRESETS)[number];

/** A static event of the kernel. */
export interface Tracepoint {
  readonly kind: 'tracepoint';
  readonly system: string;
  readonly event: string;
}

/** A probe that is set on a function: an fprobe where the kernel has them, else a kprobe. */
export interface Probe {
  readonly kind: 'entry' | 'return';
  /** Name of the event in our own group. */
  readonly event: string;
  readonly function: string;
  /** Arguments in the syntax that both kinds of probes share (Documentation/trace/kprobetrace.rst, fprobetrace.rst). */
  readonly arguments: string;
  /** Reads arguments where the function returns: since Linux 6.9 */
  readonly argumentsAtReturn?: boolean;
}

/** One way to learn a fact: all of its sources together. */
export interface Way {
  /** Kernels that have it, for people; what the running kernel offers decides. */
  readonly kernels: string;
  readonly sources: readonly (Tracepoint | Probe)[];
  /** Architectures that have it, as `uname -m` calls them; all where absent. */
  readonly architectures?: readonly string[];
  /** A function that kernels have whose probed functions take these arguments. */
  readonly needsFunction?: string;
  /** Only where the handler of `iommu:io_page_fault` is known to be safe, see `KernelOffer`. */
  readonly needsSafeFaultEvent?: boolean;
}

/** Something that the checks need to know. */
export interface Fact {
  readonly id: string;
  readonly title: string;
  /** The least preset that records it. */
  readonly preset: Preset;
  /** From which preset on the kernel stack is recorded with it. */
  readonly stacks?: Preset;
  /** The ways, best first: the first that the kernel offers whole is taken. */
  readonly ways: readonly Way[];
  /** Of the ways all that the kernel offers are taken, not only the first. */
  readonly takeAll?: boolean;
  /** Not recorded where the other fact is. */
  readonly unless?: string;
  /** What cannot be told without it; absent where a kernel that does not offer it has nothing to tell either. */
  readonly without?: string;
}

const tracepoint = (system: string, ...events: readonly string[]): Tracepoint[] =>
  events.map(event => ({ kind: 'tracepoint', system, event }));

const entry = (event: string, name: string, args: string): Probe => ({
  kind: 'entry',
  event,
  function: name,
  arguments: args,
});

const atReturn = (event: string, name: string, args: string): Probe => ({
  kind: 'return',
  event,
  function: name,
  arguments: args,
  ...(args.includes('$arg') ? { argumentsAtReturn: true } : {}),
});

/**
 * The name of a `struct device`, which begins with its kobject, which begins with the name; or of a
 * `struct device_driver`, which begins with the name (include/linux/device.h, include/linux/device/driver.h).
 */
const nameOf = (argument: string): string => `+0(+0(${argument})):string`;

const MAP_ARGUMENTS = 'domain=$arg1 iova=$arg2 paddr=$arg3 size=$arg4 prot=$arg5:x32';
const UNMAP_ARGUMENTS = 'domain=$arg1 iova=$arg2 size=$arg3';
const DEVICE_FIRST = `dev=${nameOf('$arg1')}`;

/** `struct page_pool_params` has the device at 16, and `struct page_pool` begins with it (include/net/page_pool/types.h). */
const POOL_DEVICE = `dev=${nameOf('+16($arg1)')}`;

/**
 * Which probe tells what, in the order of preference; docs/probes.md is made of this table. The functions are those of
 * drivers/iommu/iommu.c, drivers/iommu/dma-iommu.c, drivers/base/dd.c and net/core/page_pool.c.
 */
export const FACTS: readonly Fact[] = [
  {
    id: 'map',
    title: 'a mapping was made, and what of it',
    preset: 'minimal',
    ways: [{ kernels: 'all', sources: tracepoint('iommu', 'map') }],
    without: 'mappings are not seen at all',
  },
  {
    id: 'unmap',
    title: 'a mapping was undone, and how much of it',
    preset: 'minimal',
    ways: [{ kernels: 'all', sources: tracepoint('iommu', 'unmap') }],
    without: 'unmaps are not seen at all',
  },
  {
    id: 'map-domain',
    title: 'the domain of a mapping, and who made it',
    preset: 'minimal',
    stacks: 'default',
    ways: [
      { kernels: '6.16 and later', sources: [entry('map', 'iommu_map_nosync', MAP_ARGUMENTS)] },
      { kernels: '6.1 to 6.15', sources: [entry('map', '__iommu_map', MAP_ARGUMENTS)] },
      {
        kernels: 'where neither can be probed; misses scatterlists',
        sources: [entry('map', 'iommu_map', MAP_ARGUMENTS)],
      },
    ],
    without: 'equal IOVAs of two domains hide each other',
  },
  {
    id: 'unmap-domain',
    title: 'the domain of an unmap, and who asked for it',
    preset: 'minimal',
    stacks: 'default',
    ways: [
      { kernels: '6.1 and later', sources: [entry('unmap', '__iommu_unmap', UNMAP_ARGUMENTS)] },
      {
        kernels: 'where the compiler has inlined it',
        sources: [
          entry('unmap', 'iommu_unmap', UNMAP_ARGUMENTS),
          entry('unmap_fast', 'iommu_unmap_fast', UNMAP_ARGUMENTS),
        ],
      },
    ],
    without: 'equal IOVAs of two domains hide each other',
  },
  {
    id: 'page-free',
    title: 'a page goes back to the allocator',
    preset: 'minimal',
    stacks: 'default',
    ways: [{ kernels: 'all', sources: tracepoint('kmem', 'mm_page_free') }],
    without: 'use after free is not seen',
  },
  {
    id: 'page-alloc',
    title: 'a page is handed out',
    preset: 'minimal',
    stacks: 'full',
    ways: [{ kernels: 'all', sources: tracepoint('kmem', 'mm_page_alloc') }],
    without: 'pages handed out while mapped are not seen',
  },
  {
    id: 'bulk-alloc',
    title: 'single pages are handed out many at once, of which no tracepoint tells',
    preset: 'full',
    stacks: 'full',
    ways: [
      {
        kernels: '6.16 and later; the first 63 pages of a call',
        // On others nothing tells where the array of struct pages begins.
        architectures: ['x86_64'],
        // Until Linux 6.13 there was a list before the array.
        needsFunction: 'iommu_map_nosync',
        sources: [
          entry(
            'bulk_alloc',
            'alloc_pages_bulk_noprof',
            'wanted=$arg4:s32 pages=+0($arg5):x64[63] vmemmap=@vmemmap_base',
          ),
          atReturn('bulk_alloc_done', 'alloc_pages_bulk_noprof', 'count=$retval:u64 pages=+0($arg5):x64[63]'),
        ],
      },
    ],
  },
  {
    id: 'domain-free',
    title: 'the end of a domain',
    preset: 'minimal',
    ways: [
      { kernels: '6.1 and later', sources: [entry('domain_free', 'iommu_domain_free', 'domain=$arg1')] },
    ],
    without: 'a domain freed with live mappings is not seen',
  },
  {
    id: 'driver-bind',
    title: 'a driver is bound to a device',
    preset: 'minimal',
    ways: [
      {
        kernels: '6.1 and later',
        sources: [entry('bind', 'really_probe', `${DEVICE_FIRST} drv=${nameOf('$arg2')}`)],
      },
    ],
    without: 'the driver of a mapping has no name',
  },
  {
    id: 'driver-unbind',
    title: 'a driver leaves a device, or its probe failed',
    preset: 'minimal',
    ways: [{ kernels: '6.1 and later', sources: [entry('unbind', 'device_unbind_cleanup', DEVICE_FIRST)] }],
    without: 'mappings left behind by a driver are not seen',
  },
  {
    id: 'unbind-end',
    title: 'the end of an unbind, devres included',
    preset: 'minimal',
    ways: [
      {
        kernels: '6.4 and later',
        sources: [entry('bus_notify', 'bus_notify', `${DEVICE_FIRST} event=$arg2:u32`)],
      },
    ],
    without: 'what devres releases is told apart by its task only',
  },
  {
    id: 'dma-api',
    title: 'calls of the DMA API, with device, size, direction and attributes',
    preset: 'default',
    stacks: 'full',
    takeAll: true,
    ways: [
      {
        kernels: '6.18 and later',
        sources: tracepoint('dma', 'dma_map_phys', 'dma_unmap_phys'),
      },
      {
        kernels: '6.12 to 6.17',
        sources: tracepoint(
          'dma',
          'dma_map_page',
          'dma_unmap_page',
          'dma_map_resource',
          'dma_unmap_resource',
        ),
      },
      {
        kernels: '6.12 and later',
        sources: tracepoint(
          'dma',
          'dma_map_sg',
          'dma_unmap_sg',
          'dma_alloc',
          'dma_free',
          'dma_sync_single_for_cpu',
          'dma_sync_single_for_device',
          'dma_sync_sg_for_cpu',
          'dma_sync_sg_for_device',
        ),
      },
      {
        kernels: '6.13 and later',
        sources: tracepoint('dma', 'dma_alloc_pages', 'dma_free_pages', 'dma_alloc_sgt', 'dma_free_sgt'),
      },
    ],
    without: 'mistakes in the use of the DMA API are not seen',
  },
  {
    id: 'mapping-device',
    title: 'the device of a mapping, where no event of the DMA API tells it',
    preset: 'minimal',
    unless: 'dma-api',
    takeAll: true,
    ways: [
      { kernels: '6.18 and later', sources: [entry('dma_map', 'iommu_dma_map_phys', DEVICE_FIRST)] },
      { kernels: '6.1 to 6.17', sources: [entry('dma_map', 'iommu_dma_map_page', DEVICE_FIRST)] },
      {
        kernels: '6.1 and later',
        sources: [
          entry('dma_map_sg', 'iommu_dma_map_sg', DEVICE_FIRST),
          entry('dma_alloc', 'iommu_dma_alloc', DEVICE_FIRST),
        ],
      },
    ],
    without: 'the device of a mapping has no name',
  },
  {
    id: 'mapping-device-iova',
    title: 'the device of a mapping by dma_iova_link(), which has no event (NVMe, RDMA)',
    preset: 'minimal',
    ways: [{ kernels: '6.16 and later', sources: [entry('dma_link', 'dma_iova_link', DEVICE_FIRST)] }],
  },
  {
    id: 'domain-alloc',
    title: 'a domain is made',
    preset: 'default',
    ways: [
      {
        kernels: '6.13 and later',
        sources: [
          atReturn('domain_alloc', 'iommu_paging_domain_alloc_flags', `${DEVICE_FIRST} domain=$retval`),
        ],
      },
      {
        kernels: '6.11 and 6.12',
        sources: [atReturn('domain_alloc', 'iommu_paging_domain_alloc', `${DEVICE_FIRST} domain=$retval`)],
      },
      { kernels: '6.1 to 6.10', sources: [atReturn('domain_alloc', 'iommu_domain_alloc', 'domain=$retval')] },
    ],
    without: 'a domain is known from its first mapping on',
  },
  {
    id: 'domain-attach',
    title: 'a device translates through a domain',
    preset: 'default',
    ways: [
      {
        kernels: '6.1 and later',
        sources: [entry('attach', '__iommu_attach_device', `domain=$arg1 dev=${nameOf('$arg2')}`)],
      },
    ],
    without: 'the device of a domain is known from its first mapping on',
  },
  {
    id: 'page-pool',
    title: 'pages that a page_pool takes and gives back',
    preset: 'default',
    ways: [
      {
        kernels: 'all',
        sources: tracepoint(
          'page_pool',
          'page_pool_release',
          'page_pool_state_hold',
          'page_pool_state_release',
        ),
      },
    ],
    without: 'page_pools are not judged',
  },
  {
    id: 'page-pool-create',
    title: 'a page_pool is made',
    preset: 'default',
    ways: [
      {
        kernels: '6.10 and later',
        sources: [atReturn('pool_create', 'page_pool_create_percpu', `pool=$retval ${POOL_DEVICE}`)],
      },
    ],
    without: 'the device of a page_pool is learnt from its pages',
  },
  {
    id: 'page-pool-destroy',
    title: 'a page_pool is given up',
    preset: 'default',
    ways: [{ kernels: '6.1 and later', sources: [entry('pool_destroy', 'page_pool_destroy', 'pool=$arg1')] }],
    without: 'pages in flight are seen only when the pool tries to go',
  },
  {
    id: 'faults',
    title: 'an access that the IOMMU refused',
    preset: 'default',
    takeAll: true,
    ways: [
      { kernels: 'all', sources: tracepoint('printk', 'console') },
      {
        kernels: 'all; told by AMD only, and not asked for where an SMMUv2 is in use',
        sources: tracepoint('iommu', 'io_page_fault'),
        needsSafeFaultEvent: true,
      },
    ],
    without: 'IOMMU faults are not explained',
  },
  {
    id: 'sva',
    title: 'a device translates through the page tables of a process',
    preset: 'default',
    ways: [
      {
        kernels: '6.9 and later',
        sources: [
          atReturn('sva_bind', 'iommu_sva_bind_device', `${DEVICE_FIRST} mm=$arg2 handle=$retval`),
          entry('sva_unbind', 'iommu_sva_unbind_device', 'handle=$arg1'),
        ],
      },
    ],
    without: 'shared virtual addressing is not judged',
  },
  {
    id: 'kernel-tables',
    title: 'kernel page tables are given up, and the IOMMUs told',
    preset: 'default',
    ways: [
      {
        kernels: '6.19 and later, x86-64',
        architectures: ['x86_64'],
        sources: [
          // The page of a table is known by where the array of struct pages begins.
          entry('kernel_table_free', 'pagetable_free_kernel', 'ptdesc=$arg1 vmemmap=@vmemmap_base'),
          entry('sva_invalidate', 'iommu_sva_invalidate_kva_range', 'start=$arg1 end=$arg2'),
          atReturn('sva_invalidate_done', 'iommu_sva_invalidate_kva_range', 'start=$arg1 end=$arg2'),
        ],
      },
    ],
  },
  {
    id: 'modules',
    title: 'a module is loaded or removed',
    preset: 'default',
    ways: [{ kernels: 'all', sources: tracepoint('module', 'module_load', 'module_free') }],
  },
  {
    id: 'flushes',
    title: 'the IOTLB forgets',
    preset: 'full',
    takeAll: true,
    ways: [
      {
        kernels: 'Intel, 6.9 and later',
        architectures: ['x86_64'],
        sources: [
          atReturn('flush_all', 'intel_flush_iotlb_all', 'domain=$arg1'),
          atReturn('iotlb_sync', 'intel_iommu_tlb_sync', 'domain=$arg1 start=+0($arg2) end=+8($arg2)'),
        ],
      },
      {
        kernels: 'AMD, 6.9 and later',
        architectures: ['x86_64'],
        sources: [
          atReturn('flush_all_amd', 'amd_iommu_flush_iotlb_all', 'domain=$arg1'),
          atReturn('iotlb_sync_amd', 'amd_iommu_iotlb_sync', 'domain=$arg1 start=+0($arg2) end=+8($arg2)'),
        ],
      },
      {
        kernels: 'SMMUv3, 6.9 and later',
        architectures: ['aarch64'],
        sources: [
          atReturn('flush_all_smmu', 'arm_smmu_flush_iotlb_all', 'domain=$arg1'),
          atReturn('iotlb_sync_smmu', 'arm_smmu_iotlb_sync', 'domain=$arg1 start=+0($arg2) end=+8($arg2)'),
        ],
      },
    ],
    without: 'how long a device can reach memory after its unmap is not known',
  },
  {
    id: 'slab',
    title: 'objects of the slab allocator',
    preset: 'full',
    ways: [
      {
        kernels: 'all',
        sources: tracepoint('kmem', 'kmalloc', 'kfree', 'kmem_cache_alloc', 'kmem_cache_free'),
      },
    ],
    without: 'what else lies in a mapped page is not known',
  },
  {
    id: 'contiguous',
    title: 'contiguous memory is handed out and given back',
    preset: 'full',
    ways: [
      {
        kernels: 'all, where CMA is built in',
        sources: tracepoint('cma', 'cma_alloc_finish', 'cma_release'),
      },
    ],
  },
];
