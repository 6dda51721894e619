import type { MappingRef } from '../findings/finding.ts';
import type { IncidentEvent } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { frameOf, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { madeEvent, mappingRef, ownerOf, ownerWords, pagesOf } from './describe.ts';
import { isReleasedByDevres } from './devres.ts';

const rule: Rule = {
  id: 'unmap-after-unbind',
  severity: 'error',
  title: 'a DMA unmap through a device whose driver is gone, or that was bound again since',
  needs: ['hasDriverLifecycle', 'hasDevices'],
  advice: [
    'The DMA API may only be called for a device with a bound driver: the DMA ops may be others by now.',
    'After the device is removed the same call takes the direct path and leaves the IOMMU mapping behind.',
    'Whoever holds buffers beyond remove() (a page_pool, a socket buffer, a work item) must give them back before.',
  ],
};

/** Robin Murphy, 6 November 2024, on page_pool: unmapping through the ops of a later binding is bogus. */
export const unmapAfterUnbind: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow, capabilities } = context;

    const judge = (
      at: Moment,
      device: number,
      address: number,
      size: number,
      generation: number,
      made: IncidentEvent | undefined,
      mapping?: MappingRef,
    ): void => {
      const known = shadow.devices.get(device);
      const gone = known.state === 'unbound' || known.state === 'cleaning';
      if (
        gone
          ? isReleasedByDevres(context.names, known, at)
          : generation === known.generation || generation < 0
      )
        return;
      // Lost events may hide that it was bound again since, or that the address was mapped anew.
      const since = gone ? known.cleanup?.timeNs : made?.at.timeNs;
      const owner = ownerOf(context, device);
      context.findings.report({
        rule,
        certainty: shadow.isCertainSince(since ?? at.timeNs) ? 'certain' : 'possible',
        title: gone
          ? `DMA unmap at ${hex(address)} through ${ownerWords(owner)} after its driver has left`
          : `DMA unmap at ${hex(address)} through ${ownerWords(owner)} of a mapping from before it was bound again`,
        fired: { role: 'unmapped', at: copyMoment(at) },
        others: [
          ...(known.cleanup ? [{ role: 'unbound' as const, at: known.cleanup }] : []),
          ...(made ? [made] : []),
        ],
        signatureStacks: [at.stack, made?.at.stack ?? 0],
        ...owner,
        pages: pagesOf(context, size),
        mapping,
      });
    };

    const judgeEntry = (at: Moment, device: number, address: number, size: number, entry: number): void => {
      const { state, generation } = shadow.devices.get(device);
      if (state === 'bound' && (entry === 0 || shadow.dma.generation[entry] === generation)) return;
      if (entry === 0) judge(at, device, address, size, -1, undefined);
      else {
        const made: IncidentEvent = { role: 'mapped', at: shadow.dma.madeAt(entry) };
        judge(at, device, address, size, shadow.dma.generation[entry] as number, made);
      }
    };

    return {
      wantsOrdinary: () => 0,
      dmaUnmap(at, kind, device, dmaAddr, size, direction): void {
        if (shadow.devices.get(device).state === 'unseen') return;
        judgeEntry(at, device, dmaAddr, size, shadow.dma.find(device, dmaAddr, size, kind, direction));
      },
      dmaUnmapSg(at, device, list, direction): void {
        if (shadow.devices.get(device).state === 'unseen') return;
        const entry = shadow.listOf(device, list, direction);
        judgeEntry(at, device, shadow.dma.address[entry] as number, shadow.dma.size[entry] as number, entry);
      },
      // Kernels without dma:* events show the unmap only in the IOMMU; the mapping then names the device.
      iommuUnmapEnd(at, domain, iova, size, unmapped): void {
        if (capabilities.hasDmaApi || unmapped === 0) return;
        const known = shadow.domainOf(domain, iova);
        const id = shadow.tables.get(known, frameOf(iova));
        if (id === 0 || shadow.domains.isOwn(known)) return;
        const device = shadow.deviceOf(id);
        if (device === UNKNOWN) return;
        const attributed = shadow.mappings.device[id] !== UNKNOWN;
        const generation = attributed ? (shadow.mappings.generation[id] as number) : -1;
        judge(at, device, iova, size, generation, madeEvent(context, id), mappingRef(context, id));
      },
    };
  },
};
