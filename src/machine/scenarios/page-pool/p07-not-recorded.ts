import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p07: Scenario = {
  id: 'P7',
  title: 'there is no memory to record a page',
  story:
    'Then it is unmapped at once and not used: a mapped page is always recorded. The pool never held it.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool({ refill: 2 });
    pool.trackingFails = true;
    const page = nic.take(pool, 'P');
    s.refs({ P: '1' });
    nic.giveBack(pool, page);
    nic.destroy(pool);
    nic.unbind();
  },
  expected: {},
};
