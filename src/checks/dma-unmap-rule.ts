import type { Fact } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords } from './describe.ts';
import { reportDmaMisuse } from './dma-incident.ts';
import type { DmaUnmapCall } from './dma-unmaps.ts';

/** What is wrong with an unmap call: the end of its title, and the values that differ. */
export interface DmaMismatch {
  readonly words: string;
  readonly facts: readonly Fact[];
}

/** A check that compares each unmap call of the DMA API with the mapping it undoes. */
export function dmaUnmapRule(
  rule: Rule,
  compare: (context: CheckContext, call: DmaUnmapCall) => DmaMismatch | undefined,
): CheckDefinition {
  return {
    rule,
    create(context: CheckContext): Check {
      context.dmaUnmaps.onDiffering((at, call) => {
        const mismatch = compare(context, call);
        if (!mismatch) return;
        const owner = ownerWords(ownerOf(context, call.device));
        reportDmaMisuse(context, {
          rule,
          at,
          device: call.device,
          role: 'unmapped',
          title: `${owner} unmapped DMA address ${hex(call.address)} ${mismatch.words}`,
          size: call.size,
          entry: call.entry,
          facts: mismatch.facts,
        });
      });
      return {};
    },
  };
}
