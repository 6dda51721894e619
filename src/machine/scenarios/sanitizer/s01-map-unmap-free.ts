import { IOVA, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s01: Scenario = {
  id: 'S1',
  title: 'map, unmap, free',
  story: 'What every driver should do. Nobody has anything to say.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.refs({ P: '1' });
    s.write(a, IOVA);
    s.unmap(a, IOVA, PAGE);
    s.refs({ P: '0' });
    s.write(a, IOVA);
    s.free(page);
  },
  expected: {},
};
