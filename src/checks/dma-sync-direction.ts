import { DMA_BIDIRECTIONAL, dmaDirectionName } from '../kernel/dma.ts';
import { dmaSyncRule } from './dma-sync-rule.ts';

/** dma-debug: "device driver syncs DMA memory with different direction"; a bidirectional mapping may be synced any way. */
export const dmaSyncDirection = dmaSyncRule(
  {
    id: 'dma-sync-direction',
    severity: 'error',
    title: 'a sync with another direction than that of its DMA mapping',
    needs: ['hasDmaApi'],
    advice: ['Sync with the direction that was mapped, or map the buffer DMA_BIDIRECTIONAL.'],
  },
  ({ shadow }, call) => {
    const mapped = shadow.dma.direction[call.entry] as number;
    if (shadow.dma.isFormer(call.entry) || mapped < 0 || call.direction < 0) return undefined;
    if (mapped === DMA_BIDIRECTIONAL || mapped === call.direction) return undefined;
    return {
      words: `as ${dmaDirectionName(call.direction)}, but it is mapped ${dmaDirectionName(mapped)}`,
      facts: [
        { name: 'Mapped', value: dmaDirectionName(mapped) },
        { name: 'Synced', value: dmaDirectionName(call.direction) },
      ],
    };
  },
);
