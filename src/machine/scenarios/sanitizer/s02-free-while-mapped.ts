import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s02: Scenario = {
  id: 'S2',
  title: 'a page is freed while it is mapped',
  story:
    'The bug that the sanitizer is for. It warns at the free, at the next alloc, and at each one after, until the page is unmapped; the device writes into the next owner’s memory meanwhile.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.free(page);
    s.refs({ P: '1' });
    s.write(a, IOVA);
    s.reuse(page);
    s.write(a, IOVA);
    s.free(page);
  },
  expected: { log: { [SITE.check]: 3 }, refs: { P: '1' }, badAccesses: 2, findings: ['free-while-mapped'] },
};
