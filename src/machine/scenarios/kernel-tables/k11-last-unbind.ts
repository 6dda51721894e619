import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k11: Scenario = {
  id: 'K11',
  title: 'the last device is unbound before the work runs',
  story:
    'No process is bound any more, so that the work finds nothing to invalidate. The unbind has invalidated the caches of the PASID itself.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    const table = play.mapSmall(KVA, 'T');
    play.touch(bound, KVA);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.unbind(bound);
    play.work();
    play.reuse(table);
    s.machine.call(play.kernel.bind(bound.device, bound.mm));
    s.tell('iommu_sva_bind_device(dev1, process 1)', 'with cold caches');
    play.touch(bound, KVA + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, {}),
};
