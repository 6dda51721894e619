import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p14: Scenario = {
  id: 'P14',
  title: 'a mapping of the binding before is undone after the driver is back',
  story:
    'The default domain is the same, so that the kernel accepts it. It may unmap what the new binding has there: the DMA ops, too, might be others.',
  run(s) {
    const nic = new Nic(s);
    const page = s.page('P');
    const address = nic.map(page);
    nic.unbind();
    nic.bind();
    nic.unmap(address, page);
    s.refs({ P: '0' });
    s.free(page);
  },
  expected: { log: { 'dma-debug': 1 }, deadUnmaps: 1, findings: ['unbind-leak', 'unmap-after-unbind'] },
};
