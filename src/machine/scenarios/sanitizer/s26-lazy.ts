import { newGather } from '../../page-tables/iotlb-gather.ts';
import { IOVA, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s26: Scenario = {
  id: 'S26',
  title: 'lazy mode: unmapped and freed, but still in the IOTLB',
  story:
    'The flush queue flushes up to 10 ms later. Until then the device reaches the page, whoever has it; the sanitizer never looks at the IOTLB.',
  run(s) {
    const a = s.domain('A', 'dma-fq');
    const page = s.page('P');
    s.map(a, IOVA, page);
    s.write(a, IOVA);
    const { machine } = s;
    machine.call(machine.iommuUnmapFast(a.domain, IOVA, PAGE, newGather(true)));
    s.tell('iommu_unmap_fast(), queued');
    s.refs({ P: '0' });
    s.free(page);
    s.reuse(page);
    s.write(a, IOVA);
    machine.iommu.unit.flushAll(a.domain);
    s.tell('flush_iotlb_all()');
    s.write(a, IOVA);
  },
  expected: { badAccesses: 1, findings: ['stale-iotlb'] },
};
