import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p11: Scenario = {
  id: 'P11',
  title: 'the pool has memory of a provider, which has no pages',
  story: 'A net_iov has page frame number 0 in the events, and nothing to be freed or checked.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool({ isProvider: true });
    const { machine } = s;
    machine.call(pool.alloc());
    s.tell('page_pool_alloc_netmems(rx)', 'a net_iov');
    machine.call(pool.put(0));
    s.tell('page_pool_put_netmem()');
    nic.destroy(pool);
    nic.unbind();
  },
  expected: {},
};
