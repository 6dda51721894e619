import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p04: Scenario = {
  id: 'P4',
  title: 'XDP holds the pool while the driver leaves',
  story:
    'page_pool_destroy() returns without doing anything as long as XDP has the pool registered. If the driver is gone before it is unregistered, even the merged design unmaps through a device without a driver.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool();
    pool.registerXdp();
    s.tell('xdp_rxq_info_reg_mem_model(rx)');
    const page = nic.take(pool, 'P');
    const at = pool.dmaAddress(page.pfn);
    nic.destroy(pool);
    s.refs({ P: '1' });
    nic.unbind();
    s.machine.call(s.machine.inside('xdp_rxq_info_unreg', pool.unregisterXdp()));
    s.tell('xdp_rxq_info_unreg(rx)');
    nic.giveBack(pool, page);
    nic.write(at);
    nic.wait(2);
  },
  expected: {
    log: { 'dma-debug': 1 },
    deadUnmaps: 1,
    findings: ['page-pool-unbind', 'unmap-after-unbind'],
  },
};
