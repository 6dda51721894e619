import { IOVA, MIB_2, PAGE } from '../places.ts';
import { IO_PGTABLE, type Scenario } from '../scenario.ts';

export const s11: Scenario = {
  id: 'S11',
  title: 'an unmap of a part of a 2 MiB block is refused',
  story:
    'Since split-on-unmap is gone from Arm’s io-pgtable, such an unmap warns once, returns 0 and changes nothing; the sanitizer counts down and up again.',
  formats: IO_PGTABLE,
  run(s) {
    const a = s.domain('A');
    const block = s.block('block', 9);
    s.map(a, IOVA, block);
    s.unmap(a, IOVA, PAGE);
    s.refs({ block: '1' });
    s.write(a, IOVA);
    s.unmap(a, IOVA, MIB_2);
    s.free(block);
  },
  expected: { log: { __arm_lpae_unmap: 1 }, findings: ['unmap-smaller-than-requested'] },
};
