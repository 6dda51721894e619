import type { IncidentEvent, IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { formatDuration } from '../kernel/duration.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, ownerOf, ownerWords, pageRef } from './describe.ts';

const rule: Rule = {
  id: 'page-pool-inflight',
  severity: 'warning',
  title: 'a page_pool was destroyed with pages in flight, and did not get them back',
  needs: ['hasPagePool'],
  advice: [
    'Who still holds them? A socket that nobody reads, a driver that forgot to give pages back, or a leak of skbs.',
    'The pool cannot go until the last page is returned; the kernel looks once a second and warns after a minute.',
    'Linux 7.2 unmaps the pages when the pool is destroyed; where a kernel does not, they stay within reach of the device.',
  ],
};

/** How long pages may take to come back, by the kernel's own patience: `DEFER_WARN_INTERVAL`, net/core/page_pool.c. */
const PATIENCE_NS = 60e9;

/** Pages that are out for less than this at the end of the trace may well have come back right after it. */
const TOO_SOON_NS = 100e6;

/** A pool that was destroyed with pages in flight. */
interface Waiting {
  readonly destroyed: Moment;
  /** Pages in flight when it was destroyed, and those that did not come back since. */
  readonly inflight: number;
  remaining: number;
  readonly device: number;
  /** One of the pages that are out, if the trace has shown it. */
  readonly pfn: number | undefined;
  readonly held: Moment | undefined;
  /** The finding that was made of it. */
  handle: IncidentHandle | undefined;
}

/**
 * A pool that goes while a few packets are on their way is normal, and they come back in no time. It is told of when
 * they do not: until the driver leaves, for a minute, or until the trace ends.
 */
export const pagePoolInflight: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const waiting = new Map<number, Waiting>();

    const report = (pool: number, state: Waiting, untilNs: number): void => {
      const { destroyed, inflight, device, pfn, held } = state;
      const owner = ownerOf(context, device);
      const name = context.names.pool(pool);
      const out = formatDuration(untilNs - destroyed.timeNs);
      const others: IncidentEvent[] = held ? [{ role: 'held by page_pool', at: held }] : [];
      state.handle = context.findings.report({
        rule,
        // The number is the kernel's own, but that nothing came back rests on all events since.
        certainty: shadow.isCertainSince(destroyed.timeNs) ? 'certain' : 'possible',
        title: `page_pool of ${ownerWords(owner)} destroyed with ${countOf(inflight, 'page')} in flight, still out ${out} later`,
        fired: { role: 'page_pool destroyed', at: destroyed },
        others,
        signatureStacks: [destroyed.stack, held?.stack ?? 0],
        ...owner,
        pages: inflight,
        ...(pfn === undefined ? {} : { page: pageRef(context, pfn) }),
        facts: [
          ...(name === undefined ? [] : [{ name: 'Pool', value: name }]),
          { name: 'In flight', value: `${countOf(inflight, 'page')} for at least ${out}` },
        ],
      });
    };

    const driverLeft = (at: Moment, device: number): void => {
      for (const [pool, state] of waiting) {
        if (state.device === device && !state.handle) report(pool, state, at.timeNs);
      }
    };

    return {
      poolShutdown(at, pool, inflight): void {
        const known = waiting.get(pool);
        if (inflight <= 0) {
          known?.handle?.add('returned to page_pool', at);
          waiting.delete(pool);
          return;
        }
        if (known) {
          if (!known.handle && at.timeNs - known.destroyed.timeNs >= PATIENCE_NS)
            report(pool, known, at.timeNs);
          return;
        }
        const belief = shadow.pools.get(pool);
        const pfn = shadow.pools.pagesOf(pool).sort((a, b) => a - b)[0];
        waiting.set(pool, {
          destroyed: belief?.destroyed ?? copyMoment(at),
          inflight,
          remaining: inflight,
          device: belief?.device ?? 0,
          pfn,
          held: pfn === undefined ? undefined : shadow.pools.heldSince(pfn),
          handle: undefined,
        });
      },
      poolRelease(at, pool): void {
        const state = waiting.get(pool);
        if (!state || --state.remaining > 0) return;
        state.handle?.add('returned to page_pool', at);
        waiting.delete(pool);
      },
      poolCreate: (_at, pool) => {
        waiting.delete(pool);
      },
      driverCleanup: driverLeft,
      driverUnbound: driverLeft,
      finish(endNs: number): void {
        for (const [pool, state] of waiting) {
          const isSoon = endNs - state.destroyed.timeNs < TOO_SOON_NS;
          if (!state.handle && !isSoon) report(pool, state, endNs);
        }
      },
    };
  },
};
