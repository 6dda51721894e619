import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import { GENERIC_PT, type Scenario } from '../scenario.ts';

export const s14: Scenario = {
  id: 'S14',
  title: 'the end of an unmap cuts a leaf',
  story: 'The leaf goes as a whole, as in S12: its head is counted down, its tail is not.',
  formats: GENERIC_PT,
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    const block = s.block('block', 9);
    s.map(a, IOVA - PAGE, page);
    s.map(a, IOVA, block);
    s.unmap(a, IOVA - PAGE, 2 * PAGE);
    s.refs({ P: '0', block: '0, 511 × 1' });
    s.free(page);
    s.free(block);
  },
  expected: {
    log: { [SITE.unmapEnd]: 1, [SITE.check]: 511 },
    refs: { block: '0, 511 × 1' },
    findings: ['unmap-larger-than-requested'],
  },
};
