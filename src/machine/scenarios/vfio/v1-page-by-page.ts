import { SITE } from '../../sanitizer/sanitizer.ts';
import { GENERIC_PT, type Scenario } from '../scenario.ts';
import { GuestPlay } from './guest-play.ts';

export const v1: Scenario = {
  id: 'V1',
  title: 'VFIO unmaps page by page, and gets more than it asked for',
  story:
    'As VFIO was in 2013: it maps with huge pages and unmaps 4 KiB at a time. Intel and AMD remove the whole huge page and say so; VFIO unpins as many pages. It works, but the sanitizer of today counts one page down and warns of the other 511.',
  formats: GENERIC_PT,
  run(s) {
    const play = new GuestPlay(s, 'page-by-page');
    play.mapDma();
    s.refs({ guest: '1' });
    play.unmapDma(1);
    s.refs({ guest: '0, 511 × 1' });
    play.exit();
  },
  expected: {
    log: { [SITE.unmapEnd]: 1, [SITE.check]: 511 },
    refs: { guest: '0, 511 × 1' },
    findings: ['unmap-larger-than-requested'],
  },
};
