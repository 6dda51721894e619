import type { Rule } from '../findings/rule.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, framesIn, hex } from '../kernel/units.ts';
import { IovaRuns } from '../shadow/iova-runs.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { madeEvent, mappingRef, ownerOfMapping, pageRef, pagesOf } from './describe.ts';

const rule: Rule = {
  id: 'map-over-live',
  severity: 'error',
  title: 'a mapping was made over a live one in the same domain',
  needs: ['hasDomains'],
  advice: [
    'Two users of one IOVA range, or an unmap that was forgotten before the range was given out again.',
    'On Arm (io-pgtable) a block replaces the table below it without a word; other formats refuse with -EADDRINUSE.',
  ],
};

/** A refused map does not come here: the event has the bytes that were really mapped. */
export const mapOverLive: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow, capabilities } = context;
    const runs = new IovaRuns();
    return {
      mapOver(at: Readonly<Moment>, domain: number, iova: number, phys: number, size: number): void {
        if (domain === UNKNOWN) return;
        runs.reset();
        shadow.tables.collect(domain, frameOf(iova), framesIn(iova, size), runs);
        const id = runs.id[0] as number;
        const iovaPage = runs.page[0] as number;
        const made = shadow.mappings.madeAt(id);
        let over = 0;
        for (let i = 0; i < runs.count; i++) over += runs.pages[i] as number;
        // Where the end of domains is not seen, this may be a new domain at the address of an old one.
        const certain = shadow.isCertain(id) && capabilities.hasDomainLifetime;
        context.findings.report({
          rule,
          certainty: certain ? 'certain' : 'possible',
          title: `IOVA ${hex(iovaPage * FRAME_SIZE)} mapped to ${hex(phys)} over a live mapping of ${hex(shadow.mappings.frameAt(id, iovaPage) * FRAME_SIZE)}`,
          fired: { role: 'mapped over', at: copyMoment(at) },
          others: [madeEvent(context, id)],
          signatureStacks: [at.stack, made.stack],
          ...ownerOfMapping(context, id),
          pages: pagesOf(context, over * FRAME_SIZE),
          page: pageRef(context, Math.floor(phys / shadow.pageSize)),
          mapping: mappingRef(context, id),
          facts: [{ name: 'New mapping', value: `${hex(size)} bytes from ${hex(iova)} to ${hex(phys)}` }],
        });
      },
    };
  },
};
