import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p02: Scenario = {
  id: 'P2',
  title: 'two pages are in the network stack when the pool is destroyed',
  story:
    'As merged, page_pool_destroy() unmaps them while the driver is still there; when they come back they are not unmapped again, and the pool goes.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool();
    const p = nic.take(pool, 'P');
    const q = nic.take(pool, 'Q');
    const [atP, atQ] = [pool.dmaAddress(p.pfn), pool.dmaAddress(q.pfn)];
    nic.write(atP);
    nic.destroy(pool);
    s.refs({ P: '0', Q: '0' });
    nic.unbind();
    nic.write(atP);
    nic.giveBack(pool, p);
    nic.giveBack(pool, q);
    s.reuse(q);
    nic.write(atQ);
    nic.wait(2);
  },
  expected: { findings: ['page-pool-inflight'] },
};
