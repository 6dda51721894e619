import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p09: Scenario = {
  id: 'P9',
  title: 'a page comes back twice',
  story:
    'More pages have left the pool than it ever held: the kernel warns of a negative number, and the pool stays for ever.',
  run(s) {
    const nic = new Nic(s);
    const { allocator } = s.machine;
    const pool = nic.pool();
    const page = nic.take(pool, 'P');
    allocator.get(page.pfn);
    allocator.get(page.pfn);
    s.tell('get_page(P), twice');
    nic.giveBack(pool, page);
    nic.giveBack(pool, page);
    nic.destroy(pool);
    allocator.put(page.pfn);
    s.tell('put_page(P)');
    nic.unbind();
  },
  expected: { log: { page_pool_inflight: 1 } },
};
