import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA, PAGE } from '../places.ts';
import { GENERIC_PT, type Scenario } from '../scenario.ts';

export const s12: Scenario = {
  id: 'S12',
  title: 'an unmap of 4 KiB takes a 2 MiB leaf with it',
  story:
    'generic_pt cannot split a leaf: all of it goes, and 2 MiB are returned where 4 KiB were asked. No page is reachable any more, but 511 counters stay, and the kernel warns of each page when it is freed.',
  formats: GENERIC_PT,
  run(s) {
    const a = s.domain('A');
    const block = s.block('block', 9);
    s.map(a, IOVA, block);
    s.refs({ block: '1' });
    s.unmap(a, IOVA, PAGE);
    s.refs({ block: '0, 511 × 1' });
    s.write(a, IOVA + PAGE);
    s.freeEach(block);
  },
  expected: {
    log: { [SITE.unmapEnd]: 1, [SITE.check]: 511 },
    refs: { block: '0, 511 × 1' },
    findings: ['unmap-larger-than-requested'],
  },
};
