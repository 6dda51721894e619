import { IO_PGTABLE, type Scenario } from '../scenario.ts';
import { GuestPlay } from './guest-play.ts';

export const v2: Scenario = {
  id: 'V2',
  title: 'VFIO unmaps page by page, and Arm cracks the block',
  story:
    'The same VFIO over io-pgtable-arm as it was until Linux 6.13: the first 4 KiB split the block into a table of 511 pages, and 512 calls take them away one by one.',
  formats: IO_PGTABLE,
  machine: { table: { armLpae: { partialUnmap: 'split' } } },
  run(s) {
    const play = new GuestPlay(s, 'page-by-page');
    play.mapDma();
    play.unmapDma(512);
    s.refs({ guest: '0' });
    play.exit();
  },
  expected: {},
};
