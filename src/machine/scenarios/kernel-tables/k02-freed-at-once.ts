import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k02: Scenario = {
  id: 'K2',
  title: 'a table is freed at once, and a device still knows it',
  story:
    'The device has cached that a PMD entry leads to T. T is unlinked and the CPUs are flushed, but no IOMMU; T is freed and handed out. The device walks through the new owner’s data, sets accessed bits in it, and goes wherever it leads.',
  formats: ['x86'],
  machine: { pgtableFree: 'immediate' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    const table = play.mapSmall(KVA, 'T');
    play.touch(bound, KVA);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.reuse(table);
    play.touch(bound, KVA + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3 }),
};
