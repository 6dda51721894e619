import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s28: Scenario = {
  id: 'S28',
  title: 'a page with a count of -1 is mapped',
  story:
    'After S17 a page counts -1: a map makes it 0, with a warning, and from then on a mapped page looks unmapped. Its free is not noticed.',
  machine: { regions: [{ kind: 'reserved', start: 0, size: MIB_2 }] },
  run(s) {
    const a = s.domain('A');
    const low = s.existing('low', 0, 2 * PAGE);
    s.map(a, IOVA, low);
    s.unmap(a, IOVA, 2 * PAGE);
    s.refs({ low: '0, -1' });
    s.map(a, IOVA, PAGE);
    s.refs({ low: '0' });
    s.machine.allocator.freeReserved(1);
    s.tell('free_reserved_page() of page 1');
    s.write(a, IOVA);
  },
  expected: {
    log: { [SITE.map]: 1, [SITE.dec]: 1, [SITE.inc]: 1 },
    badAccesses: 1,
    findings: ['free-while-mapped'],
  },
};
