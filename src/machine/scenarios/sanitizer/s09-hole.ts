import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import { GENERIC_PT, type Scenario } from '../scenario.ts';

export const s09: Scenario = {
  id: 'S9',
  title: 'an unmap stops at a hole',
  story:
    'generic_pt ends at the first empty entry: what lies behind stays mapped, and is counted up again. Who ignores the returned size frees it.',
  formats: GENERIC_PT,
  run(s) {
    const a = s.domain('A');
    const p = s.page('P');
    const q = s.page('Q');
    s.map(a, IOVA, p);
    s.map(a, IOVA + 2 * PAGE, q);
    s.unmap(a, IOVA, 3 * PAGE);
    s.refs({ P: '0', Q: '1' });
    s.free(p);
    s.free(q);
    s.write(a, IOVA + 2 * PAGE);
  },
  expected: {
    log: { [SITE.check]: 1 },
    refs: { Q: '1' },
    badAccesses: 1,
    findings: ['unmap-smaller-than-requested', 'free-while-mapped'],
  },
};
