import { SITE } from '../../sanitizer/sanitizer.ts';
import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p03: Scenario = {
  id: 'P3',
  title: 'pages come back after the driver, and then the device, have gone',
  story:
    'Before the fix a page was unmapped when it came back: through a device without a driver, and after its removal through dma-direct, which does nothing. Until then the card could write into it. The design as merged has unmapped it long before.',
  machine: { pagePool: 'before' },
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool();
    const p = nic.take(pool, 'P');
    const q = nic.take(pool, 'Q');
    const [atP, atQ] = [pool.dmaAddress(p.pfn), pool.dmaAddress(q.pfn)];
    nic.write(atP);
    nic.destroy(pool);
    nic.unbind();
    nic.giveBack(pool, p);
    nic.write(atP);
    nic.write(atQ);
    nic.remove();
    nic.giveBack(pool, q);
    nic.wait(2);
  },
  expected: {
    log: { 'dma-debug': 1, [SITE.check]: 1 },
    refs: { Q: '1' },
    deadUnmaps: 2,
    findings: ['page-pool-unbind', 'unmap-after-unbind', 'domain-freed-live', 'page-pool-inflight'],
  },
};
