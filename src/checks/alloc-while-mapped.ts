import type { Rule } from '../findings/rule.ts';
import type { Moment } from '../kernel/moment.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { pagesGivenAway } from './pages-given-away.ts';

const rule: Rule = {
  id: 'alloc-while-mapped',
  severity: 'error',
  title: 'a page was handed out while an IOMMU mapping of its former owner still reaches it',
  needs: ['hasPageAllocator'],
  advice: [
    'The free of this page was not seen: it happened before the mapping was seen, on a path without an event, or in a gap of the trace.',
    'Find who mapped it (below) and why it was not unmapped before the page was freed.',
  ],
};

/** The second check point of IOMMU_DEBUG_PAGEALLOC, `post_alloc_hook()`. */
export const allocWhileMapped: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { accounting } = context.shadow;
    return {
      wantsOrdinary: () => 0,
      pageAlloc(at: Moment, pfn: number, order: number): void {
        if (order > LARGEST_ORDER || !accounting.anyMapped(pfn, 2 ** order)) return;
        pagesGivenAway(
          context,
          { rule, role: 'allocated', again: 'allocated again', verb: 'handed out' },
          at,
          pfn,
          order,
        );
      },
    };
  },
};
