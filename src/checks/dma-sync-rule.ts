import type { Fact } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords } from './describe.ts';
import { reportDmaMisuse } from './dma-incident.ts';

/** A `dma_sync_*()` call and the mapping that contains its address: live, former, or 0 for none known. */
export interface DmaSyncCall {
  readonly address: number;
  readonly size: number;
  readonly direction: number;
  readonly entry: number;
}

/** What is wrong with a sync: the end of its title, and the values that differ. */
export interface DmaSyncFault {
  readonly words: string;
  readonly facts: readonly Fact[];
}

/** A check that compares each sync with the mapping it is for. */
export function dmaSyncRule(
  rule: Rule,
  compare: (context: CheckContext, call: DmaSyncCall) => DmaSyncFault | undefined,
): CheckDefinition {
  return {
    rule,
    create(context: CheckContext): Check {
      return {
        dmaSync(at, device, address, size, direction): void {
          const entry = context.shadow.dma.containing(device, address);
          if (entry === 0) return;
          const fault = compare(context, { address, size, direction, entry });
          if (!fault) return;
          reportDmaMisuse(context, {
            rule,
            at,
            device,
            role: 'synced',
            title: `${ownerWords(ownerOf(context, device))} synced DMA address ${hex(address)} ${fault.words}`,
            size,
            entry,
            facts: fault.facts,
          });
        },
      };
    },
  };
}
