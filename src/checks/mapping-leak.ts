import type { Fact } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { IOMMU_PROT_READ } from '../kernel/dma.ts';
import { formatDuration } from '../kernel/duration.ts';
import { PROT_UNKNOWN, UNKNOWN } from '../kernel/events.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, mappingRef, OTHERS_TOLD, ownerOfMapping, ownerWords, pagesOf } from './describe.ts';
import { isFixedMapping } from './fixed-mapping.ts';
import { bytesLeft, isOfPool } from './mapping-facts.ts';

const rule: Rule = {
  id: 'mapping-leak',
  severity: 'warning',
  title: 'mappings that one caller makes pile up, or outlive their kind by far',
  needs: ['hasStacks', 'hasDevices'],
  advice: [
    'Which path of the caller does not unmap? Look at errors, timeouts, and at buffers that are given to somebody else.',
    'A leaked mapping keeps its IOVA and usually its memory: the driver slows down, then fails to map.',
    'Memory that is registered for long, such as RDMA regions, may grow by intent: then suppress it for this caller.',
  ],
};

/** Windows over which the number must have grown: the later half of the trace or more. */
const WINDOWS = 8;
/** Steps between them in which it may stand still. */
const STEPS_AT_REST = 1;
/** Fewer are not called a pile. */
const LEAST = 16;
/** Where none of a kind was ever unmapped, it must have been made over this long: a ring is filled in no time. */
const LEAST_SPREAD_NS = 60e9;

/** An ended mapping of the kind must have lived this much shorter than one that is called too old, and be one of many. */
const TIMES_OLDER = 100;
const LEAST_AGE_NS = 10e9;
const LEAST_ENDED = 64;

/**
 * Judged at the end of the trace, by the stack that mapped. A receive ring holds its buffers for as long as nothing
 * comes, and so does every other pool: their number is steady. A leak grows, or is overtaken by everything that the same
 * caller made later.
 */
export const mappingLeak: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const { mappings, kinds } = shadow;

    /** Live mappings of the DMA API by the stack that made them, without those that have another rule. */
    const liveByKind = (): Map<number, number[]> => {
      const live = new Map<number, number[]>();
      mappings.forEach(id => {
        const kind = mappings.stackOf(id);
        const device = shadow.deviceOf(id);
        if (kind === 0 || device === UNKNOWN || isFixedMapping(shadow, id)) return;
        if (shadow.domains.isOwn(mappings.domain[id] as number) || isOfPool(shadow, id)) return;
        const { state } = shadow.devices.get(device);
        if (state === 'unbound' || state === 'cleaning') return;
        live.set(kind, [...(live.get(kind) ?? []), id]);
      });
      return live;
    };

    /** Whether a mapping of the kind lets the device read: nobody else decides how long it waits for that. */
    const isSentByUs = (id: number): boolean => {
      const prot = mappings.prot[id] as number;
      return prot !== PROT_UNKNOWN && (prot & IOMMU_PROT_READ) !== 0;
    };

    /**
     * The mappings of a kind whose number only grows that are no part of a queue: younger ones have ended, while a queue
     * that fills up ends its oldest first.
     */
    const piledUp = (kind: number, ids: readonly number[], history: readonly number[]): readonly number[] => {
      if (!grows(history)) return [];
      const times = ids.map(id => mappings.timeOf(id));
      if (kinds.ended[kind] === 0) {
        return Math.max(...times) - Math.min(...times) >= LEAST_SPREAD_NS ? ids : [];
      }
      return ids.filter((_id, i) => (times[i] as number) < (kinds.overtakenNs[kind] as number));
    };

    const tooOld = (kind: number, ids: readonly number[], endNs: number): number[] => {
      if ((kinds.ended[kind] as number) < LEAST_ENDED) return [];
      const limitNs = Math.max(LEAST_AGE_NS, TIMES_OLDER * (kinds.longestNs[kind] as number));
      const overtakenNs = kinds.overtakenNs[kind] as number;
      return ids.filter(id => {
        const madeNs = mappings.timeOf(id);
        return endNs - madeNs >= limitNs && overtakenNs - madeNs >= limitNs / 2 && isSentByUs(id);
      });
    };

    const report = (
      kind: number,
      ids: readonly number[],
      endNs: number,
      growth?: readonly number[],
    ): void => {
      const sorted = ids.toSorted((a, b) => mappings.timeOf(a) - mappings.timeOf(b));
      const [oldest] = sorted;
      const newest = sorted.at(-1);
      if (oldest === undefined || newest === undefined) return;
      const owner = ownerOfMapping(context, oldest);
      const bytes = bytesLeft(shadow, ids);
      const made = kinds.made[kind] as number;
      const ended = kinds.ended[kind] as number;
      const count = countOf(ids.length, 'mapping');
      const ageNs = endNs - mappings.timeOf(oldest);
      const longest = formatDuration(kinds.longestNs[kind] as number);
      const facts: Fact[] = [
        { name: 'Made here', value: `${made}, of which ${ended} were unmapped` },
        ...(ended > 0 ? [{ name: 'Longest lived', value: `${longest}, of those that were unmapped` }] : []),
        ...(growth ? [{ name: 'Live over time', value: growth.join(', ') }] : []),
      ];
      context.findings.report({
        rule,
        // What was never unmapped may be meant to stay; what merely is old may be waited for.
        certainty: growth && ended > 0 && ids.every(id => shadow.isCertain(id)) ? 'certain' : 'possible',
        title: growth
          ? `${count} of ${ownerWords(owner)} were never unmapped, and their number only grew`
          : `${count} of ${ownerWords(owner)} still live after ${formatDuration(ageNs)}, where others live ${longest} at most`,
        fired: { role: 'mapped', at: mappings.madeAt(oldest) },
        others: newest === oldest ? [] : [{ role: 'mapped again', at: mappings.madeAt(newest) }],
        signatureStacks: [kind],
        ...owner,
        pages: pagesOf(context, bytes),
        mapping: mappingRef(context, oldest),
        otherMappings: sorted.slice(1, 1 + OTHERS_TOLD).map(id => mappingRef(context, id)),
        facts,
      });
    };

    return {
      finish(endNs): void {
        for (const [kind, ids] of liveByKind()) {
          const history = kinds.history(kind);
          const pile = piledUp(kind, ids, history);
          if (pile.length >= LEAST) report(kind, pile, endNs, history);
          else {
            const old = tooOld(kind, ids, endNs);
            if (old.length > 0) report(kind, old, endNs);
          }
        }
      },
    };
  },
};

/** Whether a number grew to the end: never fell, hardly ever stood still, and at least doubled. */
export function grows(history: readonly number[]): boolean {
  if (history.length < WINDOWS) return false;
  const last = history.slice(-WINDOWS);
  let atRest = 0;
  for (let i = 1; i < last.length; i++) {
    const step = (last[i] as number) - (last[i - 1] as number);
    if (step < 0) return false;
    if (step === 0) atRest++;
  }
  const first = last[0] as number;
  const end = last.at(-1) as number;
  const stoppedAtLast = end === (last.at(-2) as number);
  return atRest <= STEPS_AT_REST && !stoppedAtLast && end >= 2 * first && end > 0;
}
