import { SITE } from '../../sanitizer/sanitizer.ts';
import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p10: Scenario = {
  id: 'P10',
  title: 'a page is freed behind the back of its pool',
  story:
    'Somebody calls put_page() where page_pool_put_page() belongs: the page goes to its next owner, mapped as it is.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool();
    const page = nic.take(pool, 'P');
    s.machine.allocator.put(page.pfn);
    s.tell('put_page(P)');
    s.reuse(page);
    nic.write(pool.dmaAddress(page.pfn));
  },
  expected: {
    log: { [SITE.check]: 2 },
    refs: { P: '1' },
    badAccesses: 1,
    findings: ['free-while-mapped', 'page-pool-freed-page'],
  },
};
