import type { StoryRole } from '../findings/finding.ts';
import type { IncidentEvent, IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, hex } from '../kernel/units.ts';
import type { CheckContext } from './check.ts';
import type { Reach } from './dangling-mappings.ts';
import {
  countOf,
  madeEvent,
  mappingRef,
  OTHERS_TOLD,
  ownerOfMapping,
  ownerWords,
  pageRef,
} from './describe.ts';

/** How one of the two page rules words its finding. */
export interface HandOver {
  readonly rule: Rule;
  readonly role: StoryRole;
  /** The role of this event where it only repeats a known incident. */
  readonly again: StoryRole;
  readonly verb: 'freed' | 'handed out';
}

/** Pages that a mapping reaches change hands: a new incident, or the echo of a known one. */
export function pagesGivenAway(
  context: CheckContext,
  how: HandOver,
  at: Moment,
  pfn: number,
  order: number,
): void {
  context.dangling.changeHands(at, pfn, 2 ** order, how.again, (fresh, first, mappedPages) =>
    fresh.length > 0
      ? reportReached(context, how, at, first, mappedPages, fresh)
      : reportStale(context, how, at, first, mappedPages),
  );
}

function reportReached(
  context: CheckContext,
  how: HandOver,
  at: Moment,
  pfn: number,
  mappedPages: number,
  fresh: readonly Reach[],
): IncidentHandle {
  const { shadow } = context;
  // The story is that of a mapping which is surely there, if one of them is.
  const main = fresh.find(({ id }) => shadow.isCertain(id)) ?? fresh[0];
  if (!main) throw new Error('an incident of a mapping needs one');
  const owner = ownerOfMapping(context, main.id);
  const made = shadow.mappings.madeAt(main.id);
  const others = history(context, pfn, madeEvent(context, main.id));
  const more = mappedPages > 1 ? ` and ${countOf(mappedPages - 1, 'more page')}` : '';
  return context.findings.report({
    rule: how.rule,
    certainty: shadow.isCertain(main.id) ? 'certain' : 'possible',
    title: `page ${hex(pfn)}${more} ${how.verb} while ${ownerWords(owner)} can reach it at IOVA ${hex(main.iovaPage * FRAME_SIZE)}`,
    fired: { role: how.role, at: copyMoment(at) },
    others,
    signatureStacks: [at.stack, made.stack],
    ...owner,
    pages: mappedPages,
    page: pageRef(context, pfn),
    mapping: mappingRef(context, main.id),
    otherMappings: fresh
      .filter(reach => reach !== main)
      .slice(0, OTHERS_TOLD)
      .map(reach => mappingRef(context, reach.id)),
    reachable: true,
  });
}

/** No mapping reaches the page, but the kernel's count is not 0: it would warn all the same. */
function reportStale(
  context: CheckContext,
  how: HandOver,
  at: Moment,
  pfn: number,
  mappedPages: number,
): IncidentHandle {
  const more = mappedPages > 1 ? ` and ${countOf(mappedPages - 1, 'more page')}` : '';
  return context.findings.report({
    rule: how.rule,
    // A count is what all events since the beginning made it.
    certainty: context.shadow.isWhole ? 'certain' : 'possible',
    title: `page ${hex(pfn)}${more} ${how.verb} with a count that is not 0, though no mapping reaches it`,
    fired: { role: how.role, at: copyMoment(at) },
    others: history(context, pfn, undefined),
    signatureStacks: [at.stack],
    pages: mappedPages,
    page: pageRef(context, pfn),
    facts: [
      {
        name: 'Kernel accounting',
        value:
          'the mapping is gone, but Linux 7.2 does not count down what an unmap removed beyond its size, with its domain or by a map over it; a false alarm of the kernel. Exact accounting does not raise it.',
      },
    ],
  });
}

/** Who had the page before: its allocation, and the map. */
function history(context: CheckContext, pfn: number, made: IncidentEvent | undefined): IncidentEvent[] {
  const events: IncidentEvent[] = [];
  const allocated = context.shadow.pages.lastAlloc(pfn);
  if (allocated) events.push({ role: 'allocated', at: allocated });
  if (made) events.push(made);
  return events;
}
