import { IOVA } from '../places.ts';
import type { Scenario } from '../scenario.ts';

export const s18: Scenario = {
  id: 'S18',
  title: 'a map whose flush fails is undone',
  story: 'iommu_map() unmaps all of it when ops->iotlb_sync_map fails: counted up, counted down.',
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.machine.iommu.faults.syncMapFails = true;
    s.map(a, IOVA, page);
    s.refs({ P: '0' });
    s.write(a, IOVA);
    s.free(page);
  },
  expected: {},
};
