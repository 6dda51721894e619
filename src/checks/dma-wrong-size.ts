import { hex } from '../kernel/units.ts';
import { dmaUnmapRule } from './dma-unmap-rule.ts';

/** dma-debug: "device driver frees DMA memory with different size". */
export const dmaWrongSize = dmaUnmapRule(
  {
    id: 'dma-wrong-size',
    severity: 'error',
    title: 'a DMA mapping was undone with another size than it was made with',
    needs: ['hasDmaApi'],
    advice: [
      'Unmap with the size that was mapped: keep it beside the DMA address.',
      'A smaller size leaves the rest mapped, within reach of the device; a larger one takes a neighbour away.',
    ],
  },
  ({ shadow }, call) => {
    const mapped = shadow.dma.size[call.entry] as number;
    // The size of a scatterlist is not an argument of its unmap.
    if (call.kind === 'sg' || mapped === call.size) return undefined;
    return {
      words: `with size ${hex(call.size)}, but had mapped ${hex(mapped)}`,
      facts: [
        { name: 'Mapped', value: `${mapped} bytes` },
        { name: 'Unmapped', value: `${call.size} bytes` },
      ],
    };
  },
);
