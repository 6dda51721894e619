import { dmaDirectionName } from '../kernel/dma.ts';
import { dmaUnmapRule } from './dma-unmap-rule.ts';

/** dma-debug: "device driver frees DMA memory with different direction". */
export const dmaWrongDirection = dmaUnmapRule(
  {
    id: 'dma-wrong-direction',
    severity: 'error',
    title: 'a DMA mapping was undone with another direction than it was made with',
    needs: ['hasDmaApi'],
    advice: [
      'Unmap with the direction that was mapped: it decides which caches are written back or invalidated.',
      'With a bounce buffer (swiotlb) the wrong direction loses what the device wrote.',
    ],
  },
  ({ shadow }, call) => {
    const mapped = shadow.dma.direction[call.entry] as number;
    if (mapped < 0 || call.direction < 0 || mapped === call.direction) return undefined;
    return {
      words: `as ${dmaDirectionName(call.direction)}, but had mapped it ${dmaDirectionName(mapped)}`,
      facts: [
        { name: 'Mapped', value: dmaDirectionName(mapped) },
        { name: 'Unmapped', value: dmaDirectionName(call.direction) },
      ],
    };
  },
);
