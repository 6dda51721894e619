import { POOL_STOP } from '../../page-pool/page-pool.ts';
import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p05: Scenario = {
  id: 'P5',
  title: 'a page comes back while the pool is scrubbed',
  story:
    'Both want to unmap it. Who exchanges its entry for NULL in the record does, and the other does nothing: it is unmapped exactly once.',
  run(s) {
    const nic = new Nic(s);
    const { machine } = s;
    const pool = nic.pool();
    const page = nic.take(pool, 'P');
    // Two references: the page leaves the pool on its way back instead of being recycled.
    machine.allocator.get(page.pfn);
    const returning = s.thread('returning', pool.put(page.pfn), 1);
    s.runTo(returning, POOL_STOP.beforeExchange);
    const destroying = s.thread('destroying', pool.destroy(), 2);
    s.finish(destroying);
    s.refs({ P: '0' });
    s.finish(returning);
    s.refs({ P: '0' });
    machine.allocator.put(page.pfn);
    s.tell('put_page(P)');
    nic.unbind();
  },
  expected: {},
};
