import type { Rule } from '../findings/rule.ts';
import type { Capabilities, Capability } from '../kernel/source.ts';

/** Why a check cannot work without a capability. */
const REASONS: Readonly<Record<Capability, string>> = {
  hasDomains: 'the trace does not tell domains apart: no probe on iommu_map or iommu_unmap was recorded',
  hasDomainLifetime: 'the trace does not show the end of domains: no probe on iommu_domain_free was recorded',
  hasDevices: 'the trace names no devices: neither dma:* events nor probes with a device were recorded',
  hasDmaApi: 'the trace holds no dma:* events',
  hasDriverLifecycle:
    'the trace shows no driver leaving: no unbind happened, or no probe for it was recorded',
  hasUnbindEnd: 'the trace does not show the end of an unbind',
  hasPageAllocator: 'the trace holds no kmem:mm_page_alloc and kmem:mm_page_free events',
  hasEveryAllocation:
    'a trace does not show every allocation (bulk allocation, compaction and CMA have no event), so a page that was freed and is mapped again may have been allocated unseen',
  hasStacks: 'the trace holds no kernel stacks',
  hasPagePool: 'the trace holds no page_pool:* events',
  hasPoolLifetime: 'the trace does not show page_pools end: no probe on page_pool_destroy was recorded',
  hasFlushes:
    'the trace shows no IOTLB flushes: no probe on a flush function of the IOMMU driver was recorded',
  hasFaults: 'no IOMMU fault was recorded',
  hasSlab: 'the trace holds no kmem:kmalloc, kmem:kmem_cache_alloc and kmem:kfree events',
  hasKernelTables:
    'the trace shows no kernel page tables being freed: no probes on pagetable_free_kernel and iommu_sva_invalidate_kva_range were recorded',
  hasTableUnlinks:
    'a trace does not show when the entry of a kernel page-table page is cleared: the kernel does it inline, without an event',
};

/** The first thing that a rule needs and the source does not show; `undefined` where it can work. */
export function skippedReason(rule: Rule, capabilities: Readonly<Capabilities>): string | undefined {
  const missing = rule.needs.find(need => !capabilities[need]);
  return missing && REASONS[missing];
}
