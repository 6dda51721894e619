import { DMA_ATTRS_THAT_MUST_MATCH, dmaAttrNames } from '../kernel/dma.ts';
import { dmaUnmapRule } from './dma-unmap-rule.ts';

/** dma-debug: "device driver frees DMA memory with different attributes", for the attributes that must match. */
export const dmaWrongAttrs = dmaUnmapRule(
  {
    id: 'dma-wrong-attrs',
    severity: 'error',
    title: 'a DMA mapping was undone with other attributes than it was made with',
    needs: ['hasDmaApi'],
    advice: ['Pass the same DMA_ATTR_* to the unmap: some of them decide which way it takes.'],
  },
  ({ shadow }, call) => {
    const mapped = shadow.dma.attrs[call.entry] as number;
    if (mapped < 0 || call.attrs < 0) return undefined;
    if (((mapped ^ call.attrs) & DMA_ATTRS_THAT_MUST_MATCH) === 0) return undefined;
    return {
      words: `with attributes ${dmaAttrNames(call.attrs)}, but had mapped it with ${dmaAttrNames(mapped)}`,
      facts: [
        { name: 'Mapped', value: dmaAttrNames(mapped) },
        { name: 'Unmapped', value: dmaAttrNames(call.attrs) },
      ],
    };
  },
);
