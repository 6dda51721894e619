import type { IncidentEvent } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { hex } from '../kernel/units.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { pageRef } from './describe.ts';
import { PAGE_ALLOC, PAGE_FREE } from './ordinary.ts';

const rule: Rule = {
  id: 'stale-kernel-page-table',
  severity: 'error',
  title: 'a kernel page-table page was freed before the IOMMU had forgotten it',
  needs: ['hasKernelTables', 'hasPageAllocator'],
  advice: [
    'Under SVA the IOMMU walks the kernel half of user page tables, and flush_tlb_kernel_range() does not reach it.',
    'Defer the free: queue the page, call iommu_sva_invalidate_kva_range(), then free what was queued before the call.',
    'Whoever gets the page next decides what the IOMMU takes for page-table entries, and has accessed bits written into it.',
  ],
};

/**
 * What ASYNC_KERNEL_PGTABLE_FREE is for (mm/pgtable-generic.c, Linux 7.2). An invalidation counts if it began after
 * the table was given up and its entry cleared: what begins earlier may be followed by another walk.
 */
export const staleKernelPageTable: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const { kernelTables } = shadow;

    const changesHands = (at: Moment, pfn: number, order: number, verb: 'freed' | 'handed out'): void => {
      if (kernelTables.size === 0 || order > LARGEST_ORDER) return;
      for (let page = pfn; page < pfn + 2 ** order; page++) {
        const table = kernelTables.get(page);
        if (!table || kernelTables.isForgotten(table, at)) continue;
        const { unlinked, givenUp } = table;
        const others: IncidentEvent[] = [
          ...(unlinked ? [{ role: 'unlinked' as const, at: unlinked }] : []),
          ...(givenUp ? [{ role: 'given up' as const, at: givenUp }] : []),
        ];
        context.findings.report({
          rule,
          certainty: shadow.isCertainSince(table.sinceNs) ? 'certain' : 'possible',
          title: `kernel page-table page ${hex(page)} ${verb} while an IOMMU may have it cached`,
          fired: { role: verb === 'freed' ? 'freed' : 'allocated again', at: copyMoment(at) },
          others,
          signatureStacks: [at.stack, (givenUp ?? unlinked)?.stack ?? 0],
          pages: 1,
          page: pageRef(context, page),
        });
      }
    };

    return {
      pageFree: (at, pfn, order) => changesHands(at, pfn, order, 'freed'),
      // A page whose free was not seen.
      wantsOrdinary: () => (shadow.kernelTables.size > 0 ? PAGE_ALLOC | PAGE_FREE : 0),
      pageAlloc: (at, pfn, order) => changesHands(at, pfn, order, 'handed out'),
    };
  },
};
