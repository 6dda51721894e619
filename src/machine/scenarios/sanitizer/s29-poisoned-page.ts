import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s29: Scenario = {
  id: 'S29',
  title: 'a poisoned page is freed while it is mapped',
  story:
    'HWPoison: the free gives its event but never reaches the check, and the page never reaches a free list. No event tells that it is poisoned, so that exact accounting reports it.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.machine.allocator.poison(page.pfn);
    s.tell('memory_failure(P)');
    s.free(page);
    s.write(a, IOVA);
  },
  expected: { refs: { P: '1' }, findings: ['free-while-mapped'] },
};
