import { dmaSyncRule } from './dma-sync-rule.ts';

/**
 * dma-debug: "device driver tries to sync DMA memory it has not allocated". A sync of an address that was never seen
 * mapped is of a mapping made before the trace began, and no finding.
 */
export const dmaSyncUnmapped = dmaSyncRule(
  {
    id: 'dma-sync-unmapped',
    severity: 'error',
    title: 'a sync of DMA memory that is not mapped any more',
    needs: ['hasDmaApi'],
    advice: [
      'Sync before the unmap; after it the buffer belongs to the CPU and needs none.',
      'With a bounce buffer (swiotlb) a late sync copies over memory that is somebody else’s by now.',
    ],
  },
  ({ shadow }, call) =>
    shadow.dma.isFormer(call.entry) ? { words: 'after its unmap', facts: [] } : undefined,
);
