import type { Rule } from '../findings/rule.ts';
import { formatDuration } from '../kernel/duration.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, framesIn, hex } from '../kernel/units.ts';
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

/** An unmap of less does no work that grows with its pages: whatever took long was something else. */
const LEAST_PAGES = 512;

/** `sysctl_resched_latency_warn_ms`, kernel/sched/core.c: the scheduler itself complains after this. */
const LONG_NS = 100e6;

/** In an interrupt nothing else runs on the CPU at all: a tick of most kernels is too long. */
const LONG_IN_INTERRUPT_NS = 10e6;

/** An unmap call that was entered. */
interface Begun {
  readonly at: Moment;
  readonly iova: number;
}

/** Seed of the rule: 1 GiB of 4 KiB pages are 262,144 walks without a `cond_resched()` in the kernel's sanitizer. */
export const longUnmap: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const begun = new Map<number, Begun>();
    return {
      wantsOrdinary: () => 0,
      iommuUnmapBegin(at, _domain, iova, size): void {
        if (size < LEAST_PAGES * FRAME_SIZE) return;
        begun.set(at.context, { at: copyMoment(at), iova });
      },
      iommuUnmapEnd(at, domain, iova, size): void {
        if (size < LEAST_PAGES * FRAME_SIZE) return;
        const begin = begun.get(at.context);
        begun.delete(at.context);
        if (!begin || begin.iova !== iova) return;
        const tookNs = at.timeNs - begin.at.timeNs;
        const inInterrupt = at.context < 0;
        if (tookNs < (inInterrupt ? LONG_IN_INTERRUPT_NS : LONG_NS)) return;
        const known = shadow.domainOf(domain, iova);
        const id = shadow.tables.get(known, frameOf(iova));
        const pages = framesIn(iova, size);
        context.findings.report({
          rule,
          certainty: shadow.isCertainSince(begin.at.timeNs) ? 'certain' : 'possible',
          title: `unmap of ${countOf(pages, 'page')} at IOVA ${hex(iova)} took ${formatDuration(tookNs)}${inInterrupt ? ' in an interrupt' : ''}`,
          fired: { role: 'unmapped', at: copyMoment(at) },
          others: [{ role: 'unmap began', at: begin.at }, ...(id === 0 ? [] : [madeEvent(context, id)])],
          signatureStacks: [at.stack || begin.at.stack],
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
