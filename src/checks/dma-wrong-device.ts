import type { Rule } from '../findings/rule.ts';
import { hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords } from './describe.ts';
import { reportDmaMisuse } from './dma-incident.ts';

const rule: Rule = {
  id: 'dma-wrong-device',
  severity: 'error',
  title: 'a DMA mapping of one device was undone through another',
  needs: ['hasDmaApi'],
  advice: [
    'Map and unmap with the same struct device: usually that of the bus, not that of the class device or a child.',
    'The mapping of the first device is still there, within its reach.',
  ],
};

/** dma-debug cannot tell this from an unmap of what was never mapped. */
export const dmaWrongDevice: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { dma } = context.shadow;
    context.dmaUnmaps.onUnknown((at, { device, address, size }, { otherDevices }) => {
      if (otherDevices === 0) return;
      const owner = ownerWords(ownerOf(context, device));
      const other = context.names.device(dma.device[otherDevices] as number) ?? 'another device';
      reportDmaMisuse(context, {
        rule,
        at,
        device,
        role: 'unmapped',
        title: `${owner} unmapped DMA address ${hex(address)}, which is mapped for ${other}`,
        size,
        entry: otherDevices,
        restsOnNone: true,
        facts: [
          { name: 'Mapped for', value: other },
          { name: 'DMA address', value: `${hex(address)}, ${size} bytes` },
        ],
      });
    });
    return {};
  },
};
