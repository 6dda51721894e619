import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s23: Scenario = {
  id: 'S23',
  title: 'a 2 MiB block is mapped over a table of 4 KiB pages',
  story:
    'Arm’s io-pgtable replaces the table without a word and without an event: the old page stays counted. generic_pt refuses with -EADDRINUSE.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    const block = s.block('block', 9);
    s.map(a, IOVA, page);
    const refused = s.map(a, IOVA, block) !== 0;
    s.refs({ P: '1', block: refused ? '0' : '1' });
    s.unmap(a, IOVA, refused ? PAGE : MIB_2);
    s.free(page);
    s.free(block);
  },
  expected: format =>
    format === 'arm-lpae' ? { log: { [SITE.check]: 1 }, refs: { P: '1' }, findings: ['map-over-live'] } : {},
};
