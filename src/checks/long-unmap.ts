import type { Rule } from '../findings/rule.ts';
import { formatDuration } from '../kernel/duration.ts';
import { copyMoment } from '../kernel/moment.ts';
import { frameOf, framesIn, hex } from '../kernel/units.ts';
import { isLargeUnmap } from '../shadow/recent-calls.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, madeEvent, mappingRef, ownerOf, ownerOfMapping, pagesOf } from './describe.ts';

const rule: Rule = {
  id: 'long-unmap',
  severity: 'note',
  title: 'an unmap held its CPU for long',
  needs: [],
  advice: [
    'The work grows with the pages: page tables without large leaves, and the kernel sanitizer, which walks each page.',
    'Map large buffers with large pages (contiguous memory, aligned IOVA), or unmap them in parts and reschedule between.',
    'Turn iommu.debug_pagealloc off where latency counts: iommusan needs none of it.',
  ],
};

/** `sysctl_resched_latency_warn_ms`, kernel/sched/core.c: the scheduler itself complains after this. */
const LONG_NS = 100e6;

/** In an interrupt nothing else runs on the CPU at all: a tick of most kernels is too long. */
const LONG_IN_INTERRUPT_NS = 10e6;

/** Seed of the rule: 1 GiB of 4 KiB pages are 262,144 walks without a `cond_resched()` in the kernel's sanitizer. */
export const longUnmap: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    return {
      wantsOrdinary: () => 0,
      iommuUnmapEnd(at, domain, iova, size): void {
        // A smaller one does no work that grows with its pages: whatever took long was something else.
        if (!isLargeUnmap(size)) return;
        const begunAt = shadow.recent.of(at.context).begunAt(iova, at);
        if (!begunAt) return;
        const tookNs = at.timeNs - begunAt.timeNs;
        const inInterrupt = at.context < 0;
        if (tookNs < (inInterrupt ? LONG_IN_INTERRUPT_NS : LONG_NS)) return;
        const known = shadow.domainOf(domain, iova);
        const id = shadow.tables.get(known, frameOf(iova));
        const pages = framesIn(iova, size);
        context.findings.report({
          rule,
          certainty: shadow.isCertainSince(begunAt.timeNs) ? 'certain' : 'possible',
          title: `unmap of ${countOf(pages, 'page')} at IOVA ${hex(iova)} took ${formatDuration(tookNs)}${inInterrupt ? ' in an interrupt' : ''}`,
          fired: { role: 'unmapped', at: copyMoment(at) },
          others: [{ role: 'unmap began', at: begunAt }, ...(id === 0 ? [] : [madeEvent(context, id)])],
          signatureStacks: [at.stack || begunAt.stack],
          ...(id === 0 ? ownerOf(context, shadow.domains.soleDevice(known)) : ownerOfMapping(context, id)),
          pages: pagesOf(context, size),
          mapping: id === 0 ? undefined : mappingRef(context, id),
          facts: [
            {
              name: 'Took',
              value: `${formatDuration(tookNs)}, ${formatDuration(tookNs / pages)} for each 4 KiB`,
            },
            {
              name: 'Context',
              value: inInterrupt
                ? 'an interrupt: nothing else ran on this CPU'
                : 'a task; the trace does not tell whether it held a lock, or was preempted meanwhile',
            },
          ],
        });
      },
    };
  },
};
