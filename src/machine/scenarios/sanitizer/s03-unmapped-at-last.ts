import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s03: Scenario = {
  id: 'S3',
  title: 'a page is freed while it is mapped, and unmapped at last',
  story: 'The unmap itself is silent, and so is everything after it.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.free(page);
    s.unmap(a, IOVA, PAGE);
    s.refs({ P: '0' });
    s.reuse(page);
    s.free(page);
  },
  expected: { log: { [SITE.check]: 1 }, findings: ['free-while-mapped'] },
};
