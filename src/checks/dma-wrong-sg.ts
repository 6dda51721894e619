import { countOf } from './describe.ts';
import { dmaUnmapRule } from './dma-unmap-rule.ts';

/** Entries of a scatterlist that an event can hold; longer lists are cut (include/trace/events/dma.h, Linux 7.2). */
const RECORDED_ENTRIES = 128;

/** dma-debug: "device driver frees DMA sg list with different entry count". */
export const dmaWrongSg = dmaUnmapRule(
  {
    id: 'dma-wrong-sg',
    severity: 'error',
    title: 'a scatterlist was unmapped with another number of entries than it was mapped with',
    needs: ['hasDmaApi'],
    advice: [
      'dma_unmap_sg() takes the number of entries that was passed to dma_map_sg(), not the number that it returned.',
    ],
  },
  ({ shadow }, call) => {
    const mapped = shadow.dma.nents[call.entry] as number;
    if (call.kind !== 'sg' || mapped === 0 || mapped === call.nents) return undefined;
    if (mapped >= RECORDED_ENTRIES && call.nents >= RECORDED_ENTRIES) return undefined;
    return {
      words: `as a list of ${countOf(call.nents, 'entry', 'entries')}, but had mapped ${mapped}`,
      facts: [
        { name: 'Mapped', value: `${mapped} entries` },
        { name: 'Unmapped', value: `${call.nents} entries` },
      ],
    };
  },
);
