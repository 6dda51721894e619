import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s15: Scenario = {
  id: 'S15',
  title: 'a map fails midway and is undone',
  story:
    'There is no memory for the second table. Events and sanitizer are told of the part that was mapped, and of its unmap: the sum is nothing.',
  run(s) {
    const a = s.domain('A');
    const other = s.page('other');
    const pair = s.block('pair', 1);
    s.map(a, IOVA, other);
    s.machine.iommu.faults.tableAllocFailsAfter = 0;
    s.map(a, IOVA + MIB_2 - PAGE, pair);
    s.refs({ pair: '0', other: '1' });
    s.write(a, IOVA + MIB_2 - PAGE);
    s.unmap(a, IOVA, PAGE);
    s.free(pair);
    s.free(other);
  },
  expected: {},
};
