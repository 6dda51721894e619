import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p08: Scenario = {
  id: 'P8',
  title: 'a page comes back while somebody else holds it',
  story: 'It cannot be recycled: it is unmapped and leaves the pool, and its other holder frees it later.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool();
    const page = nic.take(pool, 'P');
    s.machine.allocator.get(page.pfn);
    s.tell('get_page(P)');
    nic.giveBack(pool, page);
    s.refs({ P: '0' });
    s.machine.allocator.put(page.pfn);
    s.tell('put_page(P)');
    nic.destroy(pool);
    nic.unbind();
  },
  expected: {},
};
