import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s16: Scenario = {
  id: 'S16',
  title: 'a map fails at once',
  story:
    'Even then events and sanitizer are told: of a map of 0 bytes. If it was of physical address 0, the sanitizer warns.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.machine.iommu.faults.tableAllocFailsAfter = 0;
    s.map(a, IOVA, page);
    s.refs({ P: '0' });
    s.machine.iommu.faults.tableAllocFailsAfter = 0;
    s.map(a, IOVA, 0);
    s.free(page);
  },
  expected: { log: { [SITE.map]: 1 } },
};
