import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA } from '../places.ts';
import { IO_PGTABLE, type Scenario } from '../scenario.ts';

export const s21: Scenario = {
  id: 'S21',
  title: 'the IOMMU’s pages are larger than the CPU’s',
  story:
    'A walk steps by the granule of 16 KiB and counts the first of four pages only: a free of the second is not noticed, though the device reaches it.',
  formats: IO_PGTABLE,
  machine: { table: { armLpae: { granuleShift: 14 } } },
  run(s) {
    const a = s.domain('A');
    const four = s.block('four', 2);
    s.map(a, IOVA, four);
    s.refs({ four: '1, 3 × 0' });
    const [first, second] = s.split(four, 'first', 'second', 'third', 'fourth');
    if (second) s.free(second);
    s.write(a, IOVA + 0x1000);
    if (first) s.free(first);
  },
  expected: {
    log: { [SITE.check]: 1 },
    refs: { first: '1' },
    badAccesses: 1,
    findings: ['free-while-mapped'],
  },
};
