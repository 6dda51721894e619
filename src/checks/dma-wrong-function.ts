import { DMA_CALLS } from '../kernel/dma.ts';
import { dmaUnmapRule } from './dma-unmap-rule.ts';

/** dma-debug: "device driver frees DMA memory with wrong function". */
export const dmaWrongFunction = dmaUnmapRule(
  {
    id: 'dma-wrong-function',
    severity: 'error',
    title: 'a DMA mapping was undone by a function of another family than made it',
    needs: ['hasDmaApi'],
    advice: [
      'Each map has its own unmap: dma_map_sg with dma_unmap_sg, dma_alloc_coherent with dma_free_coherent.',
    ],
  },
  ({ shadow }, call) => {
    const mapped = shadow.dma.kindOf(call.entry);
    if (mapped === call.kind) return undefined;
    const [made] = DMA_CALLS[mapped];
    const [, undone] = DMA_CALLS[call.kind];
    const [, right] = DMA_CALLS[mapped];
    return {
      words: `by ${undone}(), but had mapped it by ${made}()`,
      facts: [
        { name: 'Mapped by', value: `${made}()` },
        { name: 'Unmapped by', value: `${undone}()` },
        { name: 'Right would be', value: `${right}()` },
      ],
    };
  },
);
