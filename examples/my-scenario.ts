// A scenario of your own. Run it with: npx iommusan simulate examples/my-scenario.ts
import type { Scenario } from 'iommusan/machine';

const scenario: Scenario = {
  id: 'mine',
  title: 'a driver frees its buffer and unmaps it afterwards',
  story: 'The order of the two calls is wrong: in between the device can write into whoever gets the page.',
  run(s) {
    const a = s.domain('A');
    const buffer = s.page('buffer');
    s.map(a, 0x1000, buffer);
    s.refs({ buffer: '1' });
    s.free(buffer);
    s.reuse(buffer);
    s.write(a, 0x1000);
    s.unmap(a, 0x1000, 0x1000);
  },
  expected: {
    log: { __iommu_debug_check_unmapped: 2 },
    badAccesses: 1,
    findings: ['free-while-mapped'],
  },
};

export default scenario;
