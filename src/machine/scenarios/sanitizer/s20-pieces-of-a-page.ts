import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, KIB_64, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s20: Scenario = {
  id: 'S20',
  title: 'all but one of the 16 pieces of a 64 KiB page are unmapped',
  story:
    'Where the CPU’s pages are larger than the IOMMU’s, a page collects a count for each piece: one that is left is enough. (AMD v1 maps the 64 KiB as one leaf, which goes as a whole: S12.)',
  formats: ['arm-lpae', 'vtd', 'x86'],
  machine: { pageSize: KIB_64 },
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.refs({ P: '16' });
    s.unmap(a, IOVA, 15 * PAGE);
    s.refs({ P: '1' });
    s.free(page);
    s.write(a, IOVA);
    s.write(a, IOVA + 15 * PAGE);
  },
  expected: { log: { [SITE.check]: 1 }, refs: { P: '1' }, badAccesses: 1, findings: ['free-while-mapped'] },
};
