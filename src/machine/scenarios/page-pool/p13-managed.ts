import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p13: Scenario = {
  id: 'P13',
  title: 'devres releases what the driver has left to it',
  story: 'dmam_alloc_coherent(): released after the driver’s remove and before anybody looks for leaks.',
  run(s) {
    const nic = new Nic(s);
    const { machine } = s;
    const buffer = machine.call(
      machine.inside(
        'nic_probe[nic]',
        machine.dma.allocCoherent(nic.device, 8192, machine.ownerId('driver')),
      ),
    );
    if (!buffer) return;
    s.name('ring', buffer.pfn, 2);
    machine.drivers.manage(nic.device, () => machine.dma.freeCoherent(nic.device, buffer));
    s.tell('dmam_alloc_coherent(8 KiB)', 'ring');
    s.refs({ ring: '1' });
    nic.unbind();
    s.refs({ ring: '0' });
  },
  expected: {},
};
