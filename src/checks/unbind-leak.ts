import type { IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, mappingRef, OTHERS_TOLD, ownerOf, ownerWords, pagesOf } from './describe.ts';
import { isReleasedByDevres } from './devres.ts';
import { isFixedMapping } from './fixed-mapping.ts';

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

/** Mappings that were outstanding when a driver left. */
interface Outstanding {
  readonly at: Moment;
  readonly ids: Set<number>;
}

/** An incident, and how many mappings of it are still there. */
interface Told {
  readonly handle: IncidentHandle;
  mappings: number;
}

/**
 * dma-debug's "device driver has pending DMA allocations while released from device", for every bus and with the
 * stack that mapped. Only mappings of the DMA API count: a domain of its own may be meant to outlive the binding.
 *
 * The unbind begins before devres releases; the verdict waits for its end or, where the source does not show that,
 * for the next probe of the device or the end of the trace.
 */
export const unbindLeak: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const pending = new Map<number, Outstanding>();
    const reported = new Map<number, Told>();

    const begin = (at: Moment, device: number): void => {
      const ids = new Set<number>();
      shadow.mappings.forEach(id => {
        if (shadow.deviceOf(id) !== device || shadow.domains.isOwn(shadow.mappings.domain[id] as number))
          return;
        // What an earlier unbind left behind was told then.
        if (!isFixedMapping(shadow, id) && !reported.has(id)) ids.add(id);
      });
      if (ids.size > 0) pending.set(device, { at: copyMoment(at), ids });
    };

    const settle = (device: number): void => {
      const outstanding = pending.get(device);
      pending.delete(device);
      if (outstanding) report(device, outstanding);
    };

    const report = (device: number, { at, ids }: Outstanding): void => {
      const byStack = new Map<number, number[]>();
      for (const id of ids) {
        const { stack } = shadow.mappings.madeAt(id);
        byStack.set(stack, [...(byStack.get(stack) ?? []), id]);
      }
      const owner = ownerOf(context, device);
      for (const [stack, group] of byStack) {
        const [first] = group;
        if (first === undefined) continue;
        const bytes = group.reduce((sum, id) => sum + framesLeft(shadow, id) * FRAME_SIZE, 0);
        const certain = group.every(id => shadow.isCertainSince(shadow.mappings.timeOf(id)));
        const handle = context.findings.report({
          rule,
          certainty: certain ? 'certain' : 'possible',
          title: `${ownerWords(owner)} unbound with ${countOf(group.length, 'live mapping')} of ${countOf(pagesOf(context, bytes), 'page')}`,
          fired: { role: 'unbound', at },
          others: [{ role: 'mapped', at: shadow.mappings.madeAt(first) }],
          signatureStacks: [stack],
          ...owner,
          pages: pagesOf(context, bytes),
          mapping: mappingRef(context, first),
          otherMappings: group.slice(1, 1 + OTHERS_TOLD).map(id => mappingRef(context, id)),
          reachable: true,
        });
        const told: Told = { handle, mappings: group.length };
        for (const id of group) reported.set(id, told);
      }
    };

    const ended = (at: Readonly<Moment>, id: number): void => {
      const told = reported.get(id);
      if (!told || !reported.delete(id)) return;
      told.mappings--;
      if (told.mappings === 0) told.handle.ended('unmapped', at);
    };

    return {
      driverCleanup: begin,
      driverUnbound(at, device): void {
        if (shadow.devices.get(device).state !== 'cleaning') begin(at, device);
        settle(device);
      },
      driverProbe: (_at, device) => settle(device),
      mappingCut(at, id, _iovaPage, _pages, gone): void {
        if (!gone) return;
        ended(at, id);
        if (pending.size === 0) return;
        for (const [device, { ids }] of pending) {
          if (!ids.has(id)) continue;
          // An unmap by anybody but devres comes too late: what was outstanding is told now, before it is gone.
          if (isReleasedByDevres(context, shadow.devices.get(device), at)) ids.delete(id);
          else {
            settle(device);
            ended(at, id);
          }
        }
      },
      finish(): void {
        for (const device of pending.keys()) settle(device);
      },
    };
  },
};

/** Frames that are left of a mapping; all of them where it is about to be gone. */
function framesLeft(shadow: Shadow, id: number): number {
  return (shadow.mappings.left[id] as number) || (shadow.mappings.pages[id] as number);
}
