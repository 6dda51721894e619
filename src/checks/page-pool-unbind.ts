import type { IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { UNKNOWN } from '../kernel/events.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import {
  countOf,
  madeEvent,
  mappingRef,
  OTHERS_TOLD,
  ownerOf,
  ownerWords,
  pageRef,
  pagesOf,
} from './describe.ts';
import { bytesLeft, firstPage, poolOf } from './mapping-facts.ts';

const rule: Rule = {
  id: 'page-pool-unbind',
  severity: 'error',
  title: "a page_pool outlived its device's driver with pages that are still mapped",
  needs: ['hasPagePool', 'hasDriverLifecycle', 'hasDevices'],
  advice: [
    'Call page_pool_destroy() before the driver leaves: in Linux 7.2 it unmaps the pages that are in flight.',
    'Was xdp_rxq_info_unreg() forgotten? While XDP holds a reference, page_pool_destroy() does nothing.',
    'When such a page is returned later, it is unmapped through a device without a driver: memory corruption or an oops.',
  ],
};

/** An incident, and how many mappings of it are still there. */
interface Told {
  readonly handle: IncidentHandle;
  mappings: number;
}

/** Robin Murphy, 6 November 2024: a page_pool that lets a driver go with its mappings outstanding has leaked them. */
export const pagePoolUnbind: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const reported = new Map<number, Told>();

    context.departures.onLeft((device, at, ids) => {
      const byPool = new Map<number, number[]>();
      for (const id of ids) {
        const pool = poolOf(shadow, id);
        if (pool === UNKNOWN) continue;
        byPool.set(pool, [...(byPool.get(pool) ?? []), id]);
      }
      const owner = ownerOf(context, device);
      for (const [pool, group] of byPool) {
        const [first] = group;
        if (first === undefined) continue;
        const belief = shadow.pools.get(pool);
        const name = context.names.pool(pool);
        const pages = pagesOf(context, bytesLeft(shadow, group));
        const made = shadow.mappings.madeAt(first);
        const handle = context.findings.report({
          rule,
          certainty: group.every(id => shadow.isCertain(id) && shadow.isOwnerCertain(id))
            ? 'certain'
            : 'possible',
          title: `${ownerWords(owner)} unbound while its page_pool has ${countOf(pages, 'page')} mapped`,
          fired: { role: 'unbound', at },
          others: [
            madeEvent(context, first),
            ...(belief?.destroyed ? [{ role: 'page_pool destroyed' as const, at: belief.destroyed }] : []),
          ],
          signatureStacks: [made.stack],
          ...owner,
          pages,
          page: pageRef(context, firstPage(shadow, first)),
          mapping: mappingRef(context, first),
          otherMappings: group.slice(1, 1 + OTHERS_TOLD).map(id => mappingRef(context, id)),
          facts: [
            ...(name === undefined ? [] : [{ name: 'Pool', value: name }]),
            {
              name: 'page_pool_destroy()',
              value: belief?.destroyed ? 'called, but the pages stayed mapped' : 'not called',
            },
          ],
          reachable: true,
        });
        const told: Told = { handle, mappings: group.length };
        for (const id of group) {
          reported.set(id, told);
          shadow.mappings.watch(id);
        }
      }
    });

    return {
      watchedCut(at, id, _iovaPage, _pages, gone): void {
        if (!gone) return;
        const told = reported.get(id);
        if (!told || !reported.delete(id)) return;
        told.mappings--;
        if (told.mappings === 0) told.handle.ended('unmapped', at);
      },
    };
  },
};
