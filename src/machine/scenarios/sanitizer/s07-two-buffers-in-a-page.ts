import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s07: Scenario = {
  id: 'S7',
  title: 'two buffers lie in one page, one is unmapped',
  story: 'Page fragments: the page is mapped once for each buffer, and must outlive both.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.map(a, IOVA + 0x10 * PAGE, page);
    s.refs({ P: '2' });
    s.unmap(a, IOVA, PAGE);
    s.refs({ P: '1' });
    s.free(page);
  },
  expected: { log: { [SITE.check]: 1 }, refs: { P: '1' }, findings: ['free-while-mapped'] },
};
