import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p12: Scenario = {
  id: 'P12',
  title: 'a pool of blocks of four pages',
  story: 'One map covers the block, and every page of it is counted.',
  run(s) {
    const nic = new Nic(s);
    const pool = nic.pool({ order: 2 });
    const block = nic.take(pool, 'block');
    s.refs({ block: '1' });
    nic.giveBack(pool, block);
    nic.destroy(pool);
    s.refs({ block: '0' });
    nic.unbind();
  },
  expected: {},
};
