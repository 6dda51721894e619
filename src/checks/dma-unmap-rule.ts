import type { Fact } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import type { DmaKind } from '../kernel/dma.ts';
import type { Moment } from '../kernel/moment.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords } from './describe.ts';
import { reportDmaMisuse } from './dma-incident.ts';

/** An unmap call of the DMA API, with the live mapping that it undoes. */
export interface DmaUnmapCall {
  readonly kind: DmaKind;
  readonly device: number;
  readonly address: number;
  readonly size: number;
  readonly direction: number;
  readonly attrs: number;
  /** Entries of the scatterlist; 0 for other kinds. */
  readonly nents: number;
  readonly entry: number;
}

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
      const { dma } = context.shadow;

      const judge = (at: Moment, call: DmaUnmapCall): void => {
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
      };

      return {
        dmaUnmap(at, kind, device, address, size, direction, attrs): void {
          const entry = dma.find(device, address, size, kind, direction);
          if (entry === 0) return;
          judge(at, { kind, device, address, size, direction, attrs, nents: 0, entry });
        },
        dmaUnmapSg(at, device, list, direction, attrs): void {
          const entry = context.shadow.listOf(device, list, direction);
          if (entry === 0) return;
          judge(at, {
            kind: 'sg',
            device,
            address: dma.address[entry] as number,
            size: dma.size[entry] as number,
            direction,
            attrs,
            nents: list.fullNents,
            entry,
          });
        },
      };
    },
  };
}
