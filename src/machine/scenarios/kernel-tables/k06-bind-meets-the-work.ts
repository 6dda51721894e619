import { SVA_STOP } from '../../sva/sva.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k06: Scenario = {
  id: 'K6',
  title: 'a process is bound while the work invalidates',
  story:
    'Both take iommu_sva_lock. A device that is bound after the unlink begins with cold caches, so that it need not be invalidated; one that is bound before is on the list of the work.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind('1');
    const other = { device: s.machine.device('dev2'), mm: play.kernel.process('process 2') };
    const table = play.mapSmall(KVA, 'T');
    play.touch(bound, KVA);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    const work = play.workTo(SVA_STOP.invalidating);
    const bind = s.machine.spawn('bind of process 2', play.kernel.bind(other.device, other.mm), { cpu: 1 });
    s.machine.scheduler.step(bind);
    s.tell('iommu_sva_bind_device(dev2, process 2)', 'waits for iommu_sva_lock where the work holds it');
    play.finishWork(work);
    play.finish(bind);
    play.touch(other, KVA + 0x5000);
    play.work();
    play.reuse(table);
    play.touch(bound, KVA + 0x5000);
    play.touch(other, KVA + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3, inline: 3 }),
};
