import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p06: Scenario = {
  id: 'P6',
  title: 'no bits are left for the index of a page',
  story:
    'Some 32-bit kernels have no room in a page for its index: nothing is recorded, nothing is scrubbed, and a page in flight is unmapped when it comes back, as before the fix.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool({ hasIndexBits: false });
    const page = nic.take(pool, 'P');
    const at = pool.dmaAddress(page.pfn);
    nic.destroy(pool);
    s.refs({ P: '1' });
    nic.unbind();
    nic.giveBack(pool, page);
    nic.write(at);
    nic.wait(2);
  },
  expected: {
    log: { 'dma-debug': 1 },
    deadUnmaps: 1,
    findings: ['page-pool-unbind', 'unmap-after-unbind', 'page-pool-inflight'],
  },
};
