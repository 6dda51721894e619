import { IO_PGTABLE, type Scenario } from '../scenario.ts';
import { GuestPlay } from './guest-play.ts';

export const v3: Scenario = {
  id: 'V3',
  title: 'VFIO unmaps in chunks, and the chunks are single pages',
  story:
    'Since 6fe1010d6d9c VFIO asks how far the physical addresses follow each other, to unmap that at once. But iova_to_phys() of Arm gave every page of a block the address of its first page, until 7c6d90e2bb1a: the first chunk is 4 KiB and cracks the block; then the addresses are right, and the rest goes in one call.',
  formats: IO_PGTABLE,
  machine: { table: { armLpae: { partialUnmap: 'split', iovaToPhys: 'within-granule' } } },
  run(s) {
    const play = new GuestPlay(s, 'chunked');
    play.mapDma();
    play.unmapDma(2);
    play.exit();
  },
  expected: {},
};
