import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k01: Scenario = {
  id: 'K1',
  title: 'no device walks the kernel’s tables',
  story:
    'A PTE page is unlinked, the CPUs are flushed, the page is given up. Without SVA there is nothing to invalidate, and whoever has the page next has it alone.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const table = play.mapSmall(KVA, 'T');
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.work();
    play.reuse(table, true);
  },
  expected: (_format, machine) => verdictOf(machine, {}),
};
