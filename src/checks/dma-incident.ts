import type { Fact, StoryRole } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import type { CheckContext } from './check.ts';
import { ownerOf, pageRef, pagesOf } from './describe.ts';

/** A misuse of the DMA API, as the rules of that family report it. */
export interface DmaMisuse {
  readonly rule: Rule;
  readonly at: Moment;
  readonly device: number;
  readonly role: StoryRole;
  readonly title: string;
  /** Bytes that the call named. */
  readonly size: number;
  /** The mapping that the call should have been about, or 0. */
  readonly entry: number;
  /** That the call is wrong rests on the device not having a mapping there, of which no event tells. */
  readonly restsOnNone?: boolean;
  readonly facts: readonly Fact[];
}

/** Reports a misuse together with the mapping it is about: who made it and, if it is over, who undid it. */
export function reportDmaMisuse(context: CheckContext, misuse: DmaMisuse): void {
  const { shadow } = context;
  const { dma } = shadow;
  const { entry } = misuse;
  const made = entry === 0 ? undefined : dma.madeAt(entry);
  const undone = entry !== 0 && dma.isFormer(entry) ? dma.undoneAt(entry) : undefined;
  const phys = entry === 0 ? -1 : (dma.phys[entry] as number);
  // A device that no IOMMU translates for may have mapped the same memory twice: the call may mean the other mapping.
  const isOnly = shadow.devices.get(misuse.device).translated && misuse.restsOnNone !== true;
  const sinceNs = undone?.timeNs ?? made?.timeNs;
  const isCertain = sinceNs !== undefined && isOnly ? shadow.isCertainSince(sinceNs) : shadow.isWhole;
  context.findings.report({
    rule: misuse.rule,
    certainty: isCertain ? 'certain' : 'possible',
    title: misuse.title,
    fired: { role: misuse.role, at: copyMoment(misuse.at) },
    others: [
      ...(made ? [{ role: 'mapped' as const, at: made }] : []),
      ...(undone ? [{ role: 'unmapped' as const, at: undone }] : []),
    ],
    signatureStacks: [misuse.at.stack, made?.stack ?? 0],
    ...ownerOf(context, misuse.device),
    pages: pagesOf(context, misuse.size),
    page: phys < 0 ? undefined : pageRef(context, Math.floor(phys / shadow.pageSize)),
    facts: misuse.facts,
  });
}
