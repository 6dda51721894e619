import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s06: Scenario = {
  id: 'S6',
  title: 'a block of 512 pages is freed with five of them mapped',
  story: 'Each page is checked for itself: five warnings of the kernel, one finding.',
  run(s) {
    const a = s.domain('A');
    const b = s.domain('B');
    const block = s.block('block', 9);
    s.map(a, IOVA, block, 3 * PAGE);
    s.map(a, IOVA + MIB_2, block.phys + 0x100 * PAGE, 2 * PAGE);
    s.map(b, IOVA, block, PAGE);
    s.refs({ block: '2, 2 × 1, 253 × 0, 2 × 1, 254 × 0' });
    s.free(block);
  },
  expected: {
    log: { [SITE.check]: 5 },
    refs: { block: '2, 2 × 1, 253 × 0, 2 × 1, 254 × 0' },
    findings: ['free-while-mapped'],
  },
};
