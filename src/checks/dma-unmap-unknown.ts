import type { Rule } from '../findings/rule.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords } from './describe.ts';
import { reportDmaMisuse } from './dma-incident.ts';
import { judgeUnknownUnmap } from './dma-unknown-unmap.ts';

const rule: Rule = {
  id: 'dma-unmap-unknown',
  severity: 'error',
  title: 'a DMA unmap of an address that is not mapped: never, or not any more',
  needs: ['hasDmaApi'],
  advice: [
    'Is it unmapped twice, on an error path and again at cleanup?',
    'Check the result of the map with dma_mapping_error() before the address is kept.',
  ],
};

/** dma-debug: "device driver tries to free DMA memory it has not allocated". */
export const dmaUnmapUnknown: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    return {
      dmaUnmap(at, kind, device, address, size, direction): void {
        if (shadow.dma.find(device, address, size, kind, direction) !== 0) return;
        const unknown = judgeUnknownUnmap(shadow, at, kind, device, address, size);
        if (unknown?.otherDevices !== 0) return;
        const owner = ownerWords(ownerOf(context, device));
        reportDmaMisuse(context, {
          rule,
          at,
          device,
          role: 'unmapped',
          title:
            unknown.former === 0
              ? `${owner} unmapped DMA address ${hex(address)}, which is not mapped`
              : `${owner} unmapped DMA address ${hex(address)} a second time`,
          size,
          entry: unknown.former,
          facts: [{ name: 'DMA address', value: `${hex(address)}, ${size} bytes` }],
        });
      },
    };
  },
};
