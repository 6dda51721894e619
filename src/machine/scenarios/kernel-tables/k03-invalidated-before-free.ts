import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k03: Scenario = {
  id: 'K3',
  title: 'a table waits for the invalidation before it is freed',
  story:
    'As K2, but T waits until a work has invalidated what devices have cached. The inline patch only waits: when its work is over, T is free and the device knows it as before.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    const table = play.mapSmall(KVA, 'T');
    play.touch(bound, KVA);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.work();
    play.reuse(table);
    play.touch(bound, KVA + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3, inline: 3 }),
};
