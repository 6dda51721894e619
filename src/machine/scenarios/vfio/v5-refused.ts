import { IO_PGTABLE, type Scenario } from '../scenario.ts';
import { GuestPlay } from './guest-play.ts';

export const v5: Scenario = {
  id: 'V5',
  title: 'VFIO unmaps page by page, and Arm refuses',
  story:
    'What would happen today if VFIO still unmapped page by page: io-pgtable-arm does not split any more, so that nothing is unmapped, VFIO gives up, and the guest’s memory stays mapped and pinned for ever.',
  formats: IO_PGTABLE,
  run(s) {
    const play = new GuestPlay(s, 'page-by-page');
    play.mapDma();
    play.unmapDma(1);
    play.exit();
    s.write(play.to, 0x40001000);
  },
  expected: {
    log: { __arm_lpae_unmap: 1, vfio_unmap_unpin: 1 },
    refs: { guest: '1' },
    findings: ['unmap-smaller-than-requested'],
  },
};
