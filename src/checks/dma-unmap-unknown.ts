import type { Rule } from '../findings/rule.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords } from './describe.ts';
import { reportDmaMisuse } from './dma-incident.ts';

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
    context.dmaUnmaps.onUnknown((at, { device, address, size }, { otherDevices, former }) => {
      if (otherDevices !== 0) return;
      const owner = ownerWords(ownerOf(context, device));
      reportDmaMisuse(context, {
        rule,
        at,
        device,
        role: 'unmapped',
        title:
          former === 0
            ? `${owner} unmapped DMA address ${hex(address)}, which is not mapped`
            : `${owner} unmapped DMA address ${hex(address)} a second time`,
        size,
        entry: former,
        facts: [{ name: 'DMA address', value: `${hex(address)}, ${size} bytes` }],
      });
    });
    return {};
  },
};
