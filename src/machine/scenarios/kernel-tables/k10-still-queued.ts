import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k10: Scenario = {
  id: 'K10',
  title: 'a device walks through a table that waits',
  story:
    'Between the unlink and the invalidation a device may still walk through T. That is harmless as long as T is nobody else’s: its entries are old, and empty.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    play.mapSmall(KVA, 'T');
    play.touch(bound, KVA);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.touch(bound, KVA + 0x1000);
    play.work();
    play.touch(bound, KVA + 0x1000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 2, inline: 1 }),
};
