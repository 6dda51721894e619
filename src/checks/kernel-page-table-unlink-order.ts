import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { hex } from '../kernel/units.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { pageRef } from './describe.ts';
import { PAGE_FREE } from './ordinary.ts';

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

/** A table that was given up before it was unlinked. */
interface EarlyTable {
  readonly givenUp: Moment;
  /** When the allocator had it back, with the entry still there. */
  freed: Moment | undefined;
  isTold: boolean;
}

/** Tables that are remembered; more are not on their way at once. */
const MOST = 1 << 16;

/** The order matters only where a device walks the kernel's tables: then its cache may be filled from the live entry. */
export const kernelPageTableUnlinkOrder: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow, capabilities } = context;
    // A source knows from the start whether it shows entries being cleared.
    if (!capabilities.hasTableUnlinks) return {};
    /** Tables that were given up and are still linked, as far as was seen. */
    const early = new Map<number, EarlyTable>();

    const report = (pfn: number, givenUp: Moment, role: 'freed' | 'unlinked', at: Moment): void => {
      context.findings.report({
        rule,
        certainty: shadow.isCertainSince(givenUp.timeNs) ? 'certain' : 'possible',
        title: `kernel page-table page ${hex(pfn)} given up before its entry was cleared`,
        fired: { role, at: copyMoment(at) },
        others: [{ role: 'given up', at: givenUp }],
        signatureStacks: [at.stack, givenUp.stack],
        pages: 1,
        page: pageRef(context, pfn),
      });
    };

    /** From its free on, a walk through the entry that is left reads whatever the page is used for. */
    const reportFreed = (pfn: number, table: EarlyTable): void => {
      if (!table.freed || table.isTold) return;
      table.isTold = true;
      report(pfn, table.givenUp, 'freed', table.freed);
    };

    return {
      wantsOrdinary: () => (early.size > 0 ? PAGE_FREE : 0),
      kernelTableFree(at, pfn): void {
        if (shadow.kernelTables.get(pfn)?.unlinked) early.delete(pfn);
        else if (early.size < MOST)
          early.set(pfn, { givenUp: copyMoment(at), freed: undefined, isTold: false });
      },
      pageFree(at, pfn, order): void {
        if (early.size === 0 || order > LARGEST_ORDER) return;
        for (let page = pfn; page < pfn + 2 ** order; page++) {
          const table = early.get(page);
          if (!table) continue;
          table.freed ??= copyMoment(at);
          if (shadow.kernelTables.isShared) reportFreed(page, table);
        }
      },
      // The device will walk what was freed while nobody did.
      svaBind(): void {
        for (const [pfn, table] of early) reportFreed(pfn, table);
      },
      kernelTableUnlink(at, pfn): void {
        const table = early.get(pfn);
        early.delete(pfn);
        if (table?.isTold || !shadow.kernelTables.isShared) return;
        const freed = shadow.pages.state(pfn) === 'free' ? shadow.pages.lastFree(pfn) : undefined;
        const givenUp = table?.givenUp ?? freed;
        if (givenUp) report(pfn, givenUp, 'unlinked', at);
      },
    };
  },
};
