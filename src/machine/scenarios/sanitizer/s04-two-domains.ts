import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s04: Scenario = {
  id: 'S4',
  title: 'mapped in two domains, unmapped in one',
  story: 'The counter is one for all domains: it says that a mapping is left, but not whose.',
  run(s) {
    const a = s.domain('A');
    const b = s.domain('B');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.map(b, IOVA, page);
    s.refs({ P: '2' });
    s.unmap(a, IOVA, PAGE);
    s.refs({ P: '1' });
    s.free(page);
    s.write(a, IOVA);
    s.write(b, IOVA);
  },
  expected: { log: { [SITE.check]: 1 }, refs: { P: '1' }, badAccesses: 1, findings: ['free-while-mapped'] },
};
