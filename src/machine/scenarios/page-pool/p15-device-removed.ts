import { SITE } from '../../sanitizer/sanitizer.ts';
import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p15: Scenario = {
  id: 'P15',
  title: 'a device is removed with a live mapping',
  story:
    'Its default domain is freed with what it maps. No DMA is possible any more, but the counter stays: S22.',
  run(s) {
    const nic = new Nic(s);
    const page = s.page('P');
    nic.map(page);
    nic.remove();
    s.refs({ P: '1' });
    s.free(page);
  },
  expected: {
    log: { 'dma-debug': 1, [SITE.check]: 1 },
    refs: { P: '1' },
    findings: ['unbind-leak', 'domain-freed-live'],
  },
};
