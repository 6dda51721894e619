import type { Rule } from '../findings/rule.ts';
import { copyMoment } from '../kernel/moment.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { pageRef } from './describe.ts';

const rule: Rule = {
  id: 'refcount',
  severity: 'error',
  title: 'the count of mappings of a page left its range',
  needs: [],
  advice: [
    'A map of physical address 0 is not counted by Linux 7.2, but its unmap is: was page 0 mapped on purpose?',
    'Memory that was taken offline and online again while it was mapped also starts again at 0.',
    'Otherwise events are missing, or the kernel has a bug: please report the trace.',
  ],
};

/** The WARN_ONs of `iommu_debug_inc_page()`, `iommu_debug_dec_page()` and `__iommu_debug_map()`, Linux 7.2. */
export const refcount: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    return {
      countFault(at, pfn, fault): void {
        // A refused range shows in its own event; a count is what all events since the beginning made it.
        const certain = fault === 'refused' || context.shadow.isWhole;
        context.findings.report({
          rule,
          certainty: certain ? 'certain' : 'possible',
          title:
            fault === 'refused'
              ? `a range from page ${hex(pfn)} cannot be counted: it begins at 0 or ends at the end of the address space`
              : `the count of page ${hex(pfn)} went below zero`,
          fired: { role: fault === 'refused' ? 'mapped' : 'unmapped', at: copyMoment(at) },
          others: [],
          signatureStacks: [at.stack],
          pages: 1,
          page: pageRef(context, pfn),
        });
      },
    };
  },
};
