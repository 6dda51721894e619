import type { IncidentEvent } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { formatDuration } from '../kernel/duration.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, framesIn, hex } from '../kernel/units.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import { Unflushed } from '../shadow/unflushed.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords, pageRef } from './describe.ts';
import { PAGE_ALLOC, PAGE_FREE, UNMAP } from './ordinary.ts';

const rule: Rule = {
  id: 'stale-iotlb',
  severity: 'note',
  title: 'a page had its next owner before the IOTLB had forgotten the last one',
  needs: ['hasFlushes', 'hasPageAllocator'],
  advice: [
    'In lazy mode this is the price of speed: the device can use a cached translation until the flush, up to 10 ms.',
    'Boot with iommu.strict=1, or write DMA to the iommu_group/type of devices that are not trusted, to close the window.',
    'In strict mode it is a bug: the page was given away before iommu_iotlb_sync() had returned.',
  ],
};

/** How the domain is flushed, as far as the flush tells. */
type Mode = 'lazy' | 'strict' | 'not known';

/** A page of an unmapped range changed hands. */
interface Change {
  readonly at: Moment;
  readonly pfn: number;
}

/** What happened first to the memory of an unmapped range before its flush. */
interface Reuse {
  freed?: Change;
  handedOut?: Change;
}

/** The window that D-KASAN's authors call deferred invalidation; a flush of a range by sync is strict mode's. */
export const staleIotlb: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const unflushed = new Unflushed(shadow);
    const reuses = new Map<number, Reuse>();
    const perPage = shadow.pageSize / FRAME_SIZE;
    // A recording may show no flush at all: there, only what follows the first one is watched.
    let isWatching = context.capabilities.hasFlushes;

    const report = (record: number, reuse: Reuse, flushed: Moment, mode: Mode): void => {
      const isStrict = mode === 'strict';
      const { freed, handedOut } = reuse;
      // In lazy mode a page that is merely free harms nobody: it is its next owner who may be overwritten.
      const change = isStrict ? (freed ?? handedOut) : handedOut;
      if (!change) return;
      const { at: fired, pfn } = change;
      const unmapped = unflushed.unmappedAt(record);
      const owner = ownerOf(context, unflushed.device[record] as number);
      const domain = context.names.domain(unflushed.domain[record] as number);
      const iova = (unflushed.iovaPage[record] as number) * FRAME_SIZE;
      const verb = change === freed ? 'freed' : 'handed out again';
      const before = formatDuration(flushed.timeNs - fired.timeNs);
      const others: IncidentEvent[] = [
        { role: 'unmapped', at: unmapped },
        { role: 'flushed', at: flushed },
      ];
      if (freed && freed !== change) others.push({ role: 'freed', at: freed.at });
      context.findings.report({
        rule,
        ...(isStrict ? { severity: 'error' as const } : {}),
        certainty: shadow.isCertainSince(unmapped.timeNs) ? 'certain' : 'possible',
        title: `page ${hex(pfn)} ${verb} ${before} before the IOTLB forgot its translation for ${ownerWords(owner)}`,
        fired: { role: change === freed ? 'freed' : 'allocated again', at: fired },
        others,
        signatureStacks: [unmapped.stack, (freed ?? change).at.stack],
        ...owner,
        pages: 1,
        page: pageRef(context, pfn),
        mapping: {
          iova: hex(iova),
          phys: hex((unflushed.frame[record] as number) * FRAME_SIZE),
          sizeBytes: (unflushed.frames[record] as number) * FRAME_SIZE,
          ...(domain === undefined ? {} : { domain }),
          ...(owner.device === undefined ? {} : { device: owner.device }),
        },
        facts: [
          { name: 'Mode', value: mode },
          {
            name: 'Window',
            value: `${formatDuration(flushed.timeNs - unmapped.timeNs)} from unmap to flush`,
          },
        ],
      });
    };

    const changesHands = (at: Moment, pfn: number, order: number, what: 'freed' | 'handedOut'): void => {
      if (unflushed.size === 0 || order > LARGEST_ORDER) return;
      unflushed.forEachMeeting(pfn * perPage, 2 ** order * perPage, record => {
        let reuse = reuses.get(record);
        if (!reuse) {
          reuse = {};
          reuses.set(record, reuse);
        }
        const first = Math.floor((unflushed.frame[record] as number) / perPage);
        reuse[what] ??= { at: copyMoment(at), pfn: Math.max(pfn, first) };
      });
    };

    return {
      wantsOrdinary: () => (isWatching ? UNMAP : 0) | (unflushed.size > 0 ? PAGE_ALLOC | PAGE_FREE : 0),
      mappingCut(at, id, iovaPage, pages): void {
        if (!isWatching) return;
        // The record of an unmap that was never flushed may be taken for it.
        reuses.delete(unflushed.add(at, id, iovaPage, pages));
      },
      pageFree: (at, pfn, order) => changesHands(at, pfn, order, 'freed'),
      pageAlloc: (at, pfn, order) => changesHands(at, pfn, order, 'handedOut'),
      iotlbFlush(at, domain, iova, size): void {
        isWatching = true;
        if (unflushed.size === 0) return;
        const isRange = Number.isFinite(size);
        const pages = isRange ? framesIn(iova, size) : Number.POSITIVE_INFINITY;
        // A flush of a range in a domain that is named is the sync of an unmap; another may be that of a map next to it.
        const mode: Mode = !isRange ? 'lazy' : domain === UNKNOWN ? 'not known' : 'strict';
        unflushed.flush(domain, frameOf(iova), pages, record => {
          const reuse = reuses.get(record);
          if (!reuse) return;
          reuses.delete(record);
          report(record, reuse, copyMoment(at), mode);
        });
      },
    };
  },
};
