import type { Rule } from '../findings/rule.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { hex } from '../kernel/units.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, ownerOf, ownerWords, pageRef } from './describe.ts';
import { PAGE_FREE } from './ordinary.ts';

const rule: Rule = {
  id: 'page-pool-freed-page',
  severity: 'error',
  title: 'a page that a page_pool holds went back to the allocator',
  needs: ['hasPagePool', 'hasPageAllocator'],
  advice: [
    'Somebody dropped a reference that was not theirs: a put_page() where page_pool_put_page() belongs, or one too many.',
    'The pool still believes in the page and will hand it to the device again, whoever has it by then.',
  ],
};

/**
 * `page_expected_state()` calls it "page_pool leak" and takes the page away, where page checks are enabled
 * (mm/page_alloc.c). A page that leaves its pool says so before it is freed.
 */
export const pagePoolFreedPage: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { pools } = context.shadow;
    /** Pages of which was told, by when they entered their pool: a later free of theirs is the same bug. */
    const told = new Map<number, number>();

    const report = (at: Moment, lost: readonly number[]): void => {
      const [pfn] = lost;
      if (pfn === undefined) return;
      const pool = pools.holderOf(pfn);
      const held = pools.heldSince(pfn);
      const owner = ownerOf(context, pools.get(pool)?.device ?? UNKNOWN);
      const name = context.names.pool(pool);
      const more = lost.length > 1 ? ` and ${countOf(lost.length - 1, 'more page')}` : '';
      context.findings.report({
        rule,
        certainty: context.shadow.isCertainSince(held?.timeNs ?? at.timeNs) ? 'certain' : 'possible',
        title: `page ${hex(pfn)}${more} freed while a page_pool of ${ownerWords(owner)} holds it`,
        fired: { role: 'freed', at: copyMoment(at) },
        others: held ? [{ role: 'held by page_pool', at: held }] : [],
        signatureStacks: [at.stack, held?.stack ?? 0],
        ...owner,
        pages: lost.length,
        page: pageRef(context, pfn),
        facts: name === undefined ? [] : [{ name: 'Pool', value: name }],
      });
    };

    return {
      wantsOrdinary: () => (pools.pagesHeld > 0 ? PAGE_FREE : 0),
      pageFree(at: Moment, pfn: number, order: number): void {
        if (pools.pagesHeld === 0 || order > LARGEST_ORDER) return;
        let lost: number[] | undefined;
        for (let page = pfn; page < pfn + 2 ** order; page++) {
          if (pools.holderOf(page) === UNKNOWN) continue;
          const since = pools.heldSince(page)?.timeNs ?? -1;
          if (told.get(page) === since) continue;
          told.set(page, since);
          lost ??= [];
          lost.push(page);
        }
        if (lost) report(at, lost);
      },
      poolRelease(_at, _pool, pfn): void {
        told.delete(pfn);
      },
    };
  },
};
