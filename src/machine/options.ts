import type { CoreRules } from './iommu/context.ts';
import type { WalkerOptions } from './iotlb/walker.ts';
import type { FreeingRules, PgtableFreeDesign } from './kernel-tables/freeing-designs.ts';
import type { AllocatorRules } from './memory/page-allocator.ts';
import type { Region } from './memory/physical-memory.ts';
import type { PagePoolDesign, PagePoolRules } from './page-pool/designs.ts';
import type { PageTableOptions } from './page-tables/create-page-table.ts';
import type { PageTable, PageTableFormat } from './page-tables/page-table.ts';
import type { SanitizerDesign, SanitizerRules } from './sanitizer/rules.ts';
import type { Costs } from './time/costs.ts';

/** What a machine is made of. Everything has a default. */
export interface MachineOptions {
  /** Bytes of physical memory; default 64 MiB. */
  readonly memoryBytes?: number;
  /** CPUs; default 4. */
  readonly cpus?: number;
  /** The CPU's page size; default 4096. */
  readonly pageSize?: number;
  /** Device memory, holes and reserved parts of the physical address space. */
  readonly regions?: readonly Region[];
  /** Page-table format of the IOMMU; default `vtd`. */
  readonly iommu?: PageTableFormat;
  /** How the format is set up: granule, largest page, split on unmap. */
  readonly table?: PageTableOptions;
  /** Sizes and replacement of the IOMMU's caches. */
  readonly caches?: WalkerOptions;
  /** IOMMU_DEBUG_PAGEALLOC: default `merged`, as if booted with `iommu.debug_pagealloc=1`. */
  readonly sanitizer?: SanitizerDesign;
  /** Default domains are lazy: they flush by the flush queue. Default strict. */
  readonly isLazy?: boolean;
  /**
   * `dma_get_cache_alignment()`: 1 where DMA is coherent as on x86, which is the default; a cache line of 64 bytes or
   * more where buffers must not share one.
   */
  readonly dmaCacheAlignment?: number;
  /** How kernel page-table pages are freed where an IOMMU may walk them; default `merged`. */
  readonly pgtableFree?: PgtableFreeDesign;
  /** Where the invalidation of kernel addresses begins under SVA; default `PAGE_OFFSET`, and 0 in the `v3` design. */
  readonly kvaInvalidateFrom?: number;
  /** What a page_pool does with pages in flight; default `merged`. */
  readonly pagePool?: PagePoolDesign;
  /** Decides the order of threads, and whatever else is random. Default 1. */
  readonly seed?: number;
  /**
   * Events for allocations that give none in a kernel too: bulk allocation, compaction, CMA. Default false, as in a
   * recording.
   */
  readonly tellsEveryAllocation?: boolean;
  readonly costs?: Partial<Costs>;
  /** Blocks on a per-CPU list at most, and moved at once; a batch of 0 turns the lists off. */
  readonly perCpuPages?: { readonly batch: number; readonly high: number };
  /** Lines of the kernel's log that are kept. */
  readonly logLimit?: number;
  /** For tests that turn a rule over and show who notices. */
  readonly mutation?: Mutation;
}

/** Rules of the machine turned over. */
export interface Mutation {
  readonly sanitizer?: Partial<SanitizerRules>;
  readonly core?: Partial<CoreRules>;
  readonly allocator?: Partial<AllocatorRules>;
  readonly freeing?: Partial<FreeingRules>;
  readonly pagePool?: Partial<PagePoolRules>;
  readonly wrapTable?: (table: PageTable) => PageTable;
}
