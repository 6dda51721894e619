import { hex } from '../kernel/units.ts';
import { dmaSyncRule } from './dma-sync-rule.ts';

/** dma-debug: "device driver syncs DMA memory outside allocated range". */
export const dmaSyncRange = dmaSyncRule(
  {
    id: 'dma-sync-range',
    severity: 'error',
    title: 'a sync reaches beyond the end of its DMA mapping',
    needs: ['hasDmaApi'],
    advice: ['Sync at most what was mapped: offset and size of the sync must stay within the mapping.'],
  },
  ({ shadow }, call) => {
    if (shadow.dma.isFormer(call.entry)) return undefined;
    const start = shadow.dma.address[call.entry] as number;
    const end = start + (shadow.dma.size[call.entry] as number);
    if (call.address + call.size <= end) return undefined;
    return {
      words: `for ${call.size} bytes, beyond the end of its mapping at ${hex(end)}`,
      facts: [
        { name: 'Mapped', value: `${hex(start)} to ${hex(end)}` },
        { name: 'Synced', value: `${hex(call.address)} to ${hex(call.address + call.size)}` },
      ],
    };
  },
);
