import { STOP } from '../../iommu/stops.ts';
import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s25: Scenario = {
  id: 'S25',
  title: 'a free in between: counted down, but still mapped; mapped, but not yet counted',
  story:
    'The sanitizer takes no lock. Another CPU frees the page between the count and the change of the page tables (R2), or between the change and the count (R1): both times the device reaches a free page and the kernel is silent. The events show the first, because an unmap is not done before its end.',
  run(s) {
    const a = s.domain('A');
    const p = s.page('P');
    const q = s.page('Q');
    s.map(a, IOVA, p);
    const unmapping = s.thread('unmapping', s.machine.iommuUnmap(a.domain, IOVA, PAGE));
    s.runTo(unmapping, STOP.unmapCounted);
    s.refs({ P: '0' });
    s.free(p);
    s.write(a, IOVA);
    s.finish(unmapping);
    s.used(a.domain, IOVA + MIB_2, PAGE);
    const mapping = s.thread('mapping', s.machine.iommuMap(a.domain, IOVA + MIB_2, q.phys, PAGE));
    s.runTo(mapping, STOP.mapTranslates);
    s.refs({ Q: '0' });
    s.free(q);
    s.write(a, IOVA + MIB_2);
    s.finish(mapping);
    s.refs({ Q: '1' });
    s.unmap(a, IOVA + MIB_2, PAGE);
  },
  expected: { badAccesses: 2, findings: ['free-while-mapped'] },
};
