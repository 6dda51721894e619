import type { IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, madeEvent, mappingRef, OTHERS_TOLD, ownerOf, ownerWords, pagesOf } from './describe.ts';
import { bytesLeft, isOfPool } from './mapping-facts.ts';

const rule: Rule = {
  id: 'unbind-leak',
  severity: 'error',
  title: 'a driver left its device, or failed to probe it, with DMA mappings outstanding',
  needs: ['hasDriverLifecycle', 'hasDevices'],
  advice: [
    "Unmap in the driver's remove() (and in the error path of probe()) what it has mapped.",
    'The device can reach these pages until they are unmapped, and nobody is left to do it: the IOVAs are lost too.',
    'A page_pool must be destroyed before its driver leaves, or its pages stay mapped.',
  ],
};

/** An incident, and how many mappings of it are still there. */
interface Told {
  readonly handle: IncidentHandle;
  mappings: number;
}

/**
 * dma-debug's "device driver has pending DMA allocations while released from device", for every bus and with the
 * stack that mapped. What a page_pool has mapped is `page-pool-unbind`'s.
 */
export const unbindLeak: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const reported = new Map<number, Told>();

    context.departures.onLeft((device, at, ids) => {
      const byStack = new Map<number, number[]>();
      for (const id of ids) {
        if (isOfPool(shadow, id)) continue;
        const { stack } = shadow.mappings.madeAt(id);
        byStack.set(stack, [...(byStack.get(stack) ?? []), id]);
      }
      const owner = ownerOf(context, device);
      for (const [stack, group] of byStack) {
        const [first] = group;
        if (first === undefined) continue;
        const pages = pagesOf(context, bytesLeft(shadow, group));
        const certain = group.every(id => shadow.isCertain(id) && shadow.isOwnerCertain(id));
        const handle = context.findings.report({
          rule,
          certainty: certain ? 'certain' : 'possible',
          title: `${ownerWords(owner)} unbound with ${countOf(group.length, 'live mapping')} of ${countOf(pages, 'page')}`,
          fired: { role: 'unbound', at },
          others: [madeEvent(context, first)],
          signatureStacks: [stack],
          ...owner,
          pages,
          mapping: mappingRef(context, first),
          otherMappings: group.slice(1, 1 + OTHERS_TOLD).map(id => mappingRef(context, id)),
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
