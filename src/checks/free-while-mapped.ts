import type { Rule } from '../findings/rule.ts';
import type { Moment } from '../kernel/moment.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { pagesGivenAway } from './pages-given-away.ts';

const rule: Rule = {
  id: 'free-while-mapped',
  severity: 'error',
  title: 'a page went back to the allocator while an IOMMU mapping still reaches it (DMA use-after-free)',
  needs: ['hasPageAllocator'],
  advice: [
    'Unmap before the memory is freed: compare the stack that freed with the one that mapped.',
    'Does an error or teardown path skip the unmap, or is the buffer freed by somebody who does not know of the mapping?',
    'Was the same buffer mapped twice, or unmapped with a smaller size than it was mapped with?',
  ],
};

/**
 * What IOMMU_DEBUG_PAGEALLOC is for: `__free_pages_prepare()` checks that no mapping reaches the pages
 * (drivers/iommu/iommu-debug-pagealloc.c).
 */
export const freeWhileMapped: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { accounting } = context.shadow;
    return {
      wantsOrdinary: () => 0,
      pageFree(at: Moment, pfn: number, order: number): void {
        if (order > LARGEST_ORDER || !accounting.anyMapped(pfn, 2 ** order)) return;
        pagesGivenAway(context, { rule, role: 'freed', again: 'freed again', verb: 'freed' }, at, pfn, order);
      },
    };
  },
};
