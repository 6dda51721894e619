import { IOVA, MIB_2, PAGE } from '../places.ts';
import { GENERIC_PT, type Scenario } from '../scenario.ts';

export const s13: Scenario = {
  id: 'S13',
  title: 'an unmap that begins in the middle of a leaf is refused',
  story: 'generic_pt stops with -EINVAL, of which the caller sees a 0; the count is balanced.',
  formats: GENERIC_PT,
  run(s) {
    const a = s.domain('A');
    const block = s.block('block', 9);
    s.map(a, IOVA, block);
    s.unmap(a, IOVA + 8 * PAGE, PAGE);
    s.refs({ block: '1' });
    s.write(a, IOVA + 8 * PAGE);
    s.unmap(a, IOVA, MIB_2);
    s.free(block);
  },
  expected: { findings: ['unmap-smaller-than-requested'] },
};
