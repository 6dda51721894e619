import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s08: Scenario = {
  id: 'S8',
  title: 'an unmap of what is not mapped: never, or not any more',
  story:
    'Nothing translates before or after, so that nothing is counted and the sanitizer is silent. Arm’s io-pgtable warns by itself.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.unmap(a, IOVA + MIB_2, PAGE);
    s.map(a, IOVA, page);
    s.unmap(a, IOVA, PAGE);
    s.unmap(a, IOVA, PAGE);
    s.refs({ P: '0' });
    s.free(page);
  },
  expected: format => ({
    log: format === 'arm-lpae' ? { __arm_lpae_unmap: 2 } : {},
    findings: ['unmap-unmapped'],
  }),
};
