import { SITE } from '../../sanitizer/sanitizer.ts';
import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s22: Scenario = {
  id: 'S22',
  title: 'a domain is freed with a live mapping',
  story: 'The page tables go, the counter stays for ever: no unmap will ever count it down.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.detach(a);
    s.freeDomain(a);
    s.refs({ P: '1' });
    s.write(a, IOVA);
    s.free(page);
  },
  expected: { log: { [SITE.check]: 1 }, refs: { P: '1' }, findings: ['domain-freed-live'] },
};
