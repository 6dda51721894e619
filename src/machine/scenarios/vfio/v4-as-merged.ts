import type { Scenario } from '../scenario.ts';
import { GuestPlay } from './guest-play.ts';

export const v4: Scenario = {
  id: 'V4',
  title: 'VFIO unmaps in chunks, flushes once and unpins then',
  story:
    'Linux 7.2: one chunk, no split, one flush, and the pages are unpinned after it, so that a guest that has ended keeps its memory until no device can reach it.',
  run(s) {
    const play = new GuestPlay(s, 'merged');
    play.mapDma();
    s.write(play.to, 0x40001000);
    play.exit();
    s.write(play.to, 0x40001000);
    play.unmapDma(1);
    s.write(play.to, 0x40001000);
  },
  expected: {},
};
