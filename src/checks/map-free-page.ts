import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, framesIn, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, pageRef } from './describe.ts';

const rule: Rule = {
  id: 'map-free-page',
  severity: 'error',
  title: 'a page that the allocator holds as free was mapped for a device',
  needs: ['hasPageAllocator', 'hasEveryAllocation'],
  advice: ['The caller maps memory that it no longer owns: look for a stale pointer to a freed buffer.'],
};

/**
 * Needs a source that shows every allocation. A recorded trace does not: bulk allocation, compaction and CMA emit
 * no `mm_page_alloc`, so a page that was freed and is mapped again has usually been allocated unseen.
 */
export const mapFreePage: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow, capabilities } = context;
    // A source knows from the start whether it shows every allocation.
    if (!capabilities.hasEveryAllocation) return {};
    return {
      iommuMap(at: Moment, domain: number, iova: number, phys: number, size: number): void {
        const perPage = shadow.pageSize / FRAME_SIZE;
        const first = Math.floor(frameOf(phys) / perPage);
        const pages = Math.ceil((frameOf(phys) + framesIn(phys, size)) / perPage) - first;
        let count = 0;
        let pfn = -1;
        for (let page = first; page < first + pages; page++) {
          if (shadow.pages.state(page) !== 'free') continue;
          if (count++ === 0) pfn = page;
        }
        if (count === 0) return;
        const freed = shadow.pages.lastFree(pfn);
        context.findings.report({
          rule,
          certainty: shadow.isCertainSince(freed?.timeNs ?? at.timeNs) ? 'certain' : 'possible',
          title: `free page ${hex(pfn)} mapped at IOVA ${hex(iova)}`,
          fired: { role: 'mapped', at: copyMoment(at) },
          others: freed ? [{ role: 'freed', at: freed }] : [],
          signatureStacks: [at.stack, freed?.stack ?? 0],
          ...ownerOf(context, shadow.domains.soleDevice(domain)),
          pages: count,
          page: pageRef(context, pfn),
        });
      },
    };
  },
};
