import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s27: Scenario = {
  id: 'S27',
  title: 'compaction takes a free page and puts it back',
  story:
    'It passes both check points without any user: two more warnings for a page that was freed while mapped. Its allocation gives no mm_page_alloc.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.free(page);
    const { machine } = s;
    machine.allocator.isolateAndPutBack(page.pfn, machine.ownerId('compaction'));
    s.tell('compaction isolates P and puts it back');
    s.refs({ P: '1' });
  },
  expected: { log: { [SITE.check]: 3 }, refs: { P: '1' }, findings: ['free-while-mapped'] },
};
