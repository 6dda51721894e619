import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { hex } from '../kernel/units.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { pageRef } from './describe.ts';

const rule: Rule = {
  id: 'kernel-page-table-unlink-order',
  severity: 'error',
  title: 'a kernel page-table page was given up before the entry that leads to it was cleared',
  needs: ['hasKernelTables', 'hasTableUnlinks'],
  advice: [
    'Clear the entry first, then queue the page: until then the IOMMU may cache it anew, behind any invalidation.',
    'unmap_pte_range() and the removal of memory do it in this order in Linux 7.2 (arch/x86/mm).',
  ],
};

/** The order matters only where a device walks the kernel's tables: then its cache may be filled from the live entry. */
export const kernelPageTableUnlinkOrder: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow, capabilities } = context;
    // A source knows from the start whether it shows entries being cleared.
    if (!capabilities.hasTableUnlinks) return {};
    /** Tables that were given up or freed while a device walked, and are still linked as far as was seen. */
    const early = new Map<number, Moment>();
    return {
      kernelTableFree(at, pfn): void {
        if (shadow.kernelTables.isShared && !shadow.kernelTables.get(pfn)?.unlinked)
          early.set(pfn, copyMoment(at));
      },
      kernelTableUnlink(at, pfn): void {
        const freed = shadow.pages.state(pfn) === 'free' ? shadow.pages.lastFree(pfn) : undefined;
        const givenUp = early.get(pfn) ?? (shadow.kernelTables.isShared ? freed : undefined);
        early.delete(pfn);
        if (!givenUp) return;
        context.findings.report({
          rule,
          certainty: shadow.isCertainSince(givenUp.timeNs) ? 'certain' : 'possible',
          title: `kernel page-table page ${hex(pfn)} given up before its entry was cleared`,
          fired: { role: 'unlinked', at: copyMoment(at) },
          others: [{ role: 'given up', at: givenUp }],
          signatureStacks: [at.stack, givenUp.stack],
          pages: 1,
          page: pageRef(context, pfn),
        });
      },
      // The next owner of the page may make a table of it again: that is another story.
      pageAlloc(_at, pfn, order): void {
        if (early.size === 0 || order > LARGEST_ORDER) return;
        for (let page = pfn; page < pfn + 2 ** order; page++) early.delete(page);
      },
      svaUnbind(): void {
        if (early.size > 0 && !shadow.kernelTables.isShared) early.clear();
      },
    };
  },
};
