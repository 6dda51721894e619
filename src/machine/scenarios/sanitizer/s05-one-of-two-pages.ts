import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s05: Scenario = {
  id: 'S5',
  title: 'two pages are mapped at once, one of them is freed',
  story: 'Counters are per page, whatever a map call covers: the warning is of the freed page only.',
  run(s) {
    const a = s.domain('A');
    const pair = s.block('pair', 1);
    s.map(a, IOVA, pair);
    const [p] = s.split(pair, 'P', 'Q');
    if (p) s.free(p);
    s.refs({ P: '1', Q: '1' });
  },
  expected: { log: { [SITE.check]: 1 }, refs: { P: '1', Q: '1' }, findings: ['free-while-mapped'] },
};
