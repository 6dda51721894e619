import type { Scenario } from '../scenario.ts';
import { Nic } from './nic.ts';

export const p16: Scenario = {
  id: 'P16',
  title: 'a probe fails and leaves a mapping behind',
  story:
    'BUS_NOTIFY_DRIVER_NOT_BOUND is not what dma-debug listens to: it is silent. To the memory it is the same as an unbind.',
  run(s) {
    const nic = new Nic(s);
    nic.unbind();
    const page = s.page('P');
    const { machine } = s;
    nic.bind(
      machine.inside(
        'nic_probe[nic]',
        (function* () {
          const address = yield* machine.dma.map(nic.device, page.phys, page.sizeBytes);
          machine.dma.mappingError(nic.device, address);
          return false;
        })(),
      ),
    );
    s.refs({ P: '1' });
  },
  expected: { refs: { P: '1' }, findings: ['unbind-leak'] },
};
