import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s30: Scenario = {
  id: 'S30',
  title: 'an unmap of half a page',
  story:
    'generic_pt takes the whole page and returns it; io-pgtable says that the size is unaligned and does nothing.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    const refused = s.unmap(a, IOVA, 0x800) === 0;
    s.refs({ P: refused ? '1' : '0' });
    if (refused) s.unmap(a, IOVA, PAGE);
    s.free(page);
  },
  expected: format =>
    format === 'arm-lpae'
      ? { log: { __iommu_unmap: 1 }, findings: ['unmap-smaller-than-requested'] }
      : { log: { [SITE.unmapEnd]: 1 }, findings: ['unmap-larger-than-requested'] },
};
