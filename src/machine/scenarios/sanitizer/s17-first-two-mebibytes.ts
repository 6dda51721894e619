import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, MIB_2 } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s17: Scenario = {
  id: 'S17',
  title: 'the first 2 MiB of memory are mapped and unmapped',
  story:
    'Physical address 0 means "no translation", so that the map is not counted. The unmap skips page 0 only and counts 511 pages below zero; each is suspicious from then on.',
  machine: { regions: [{ kind: 'reserved', start: 0, size: MIB_2 }] },
  run(s) {
    const a = s.domain('A');
    const low = s.existing('low', 0, MIB_2);
    s.map(a, IOVA, low);
    s.refs({ low: '0' });
    s.unmap(a, IOVA, MIB_2);
    s.refs({ low: '0, 511 × -1' });
    s.machine.allocator.freeReserved(8);
    s.tell('free_reserved_page() of page 8');
    s.machine.allocPages(0, { owner: 'somebody' });
    s.tell('alloc_pages() of page 8');
  },
  expected: {
    log: { [SITE.map]: 1, [SITE.dec]: 511, [SITE.check]: 2 },
    refs: { low: '0, 511 × -1' },
  },
};
