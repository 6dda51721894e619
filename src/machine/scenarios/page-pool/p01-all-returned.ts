import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p01: Scenario = {
  id: 'P1',
  title: 'a page_pool is destroyed when everything has come back',
  story: 'What every driver should do: nothing is in flight, the pool goes at once.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool();
    const page = nic.take(pool, 'P');
    s.refs({ P: '1' });
    nic.write(pool.dmaAddress(page.pfn));
    nic.giveBack(pool, page);
    s.refs({ P: '1' });
    nic.destroy(pool);
    nic.unbind();
  },
  expected: {},
};
