import { FREEING_STOP } from '../../kernel-tables/freeing.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA, KVA_2 } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k05: Scenario = {
  id: 'K5',
  title: 'a table that comes too late for one run waits for the next',
  story:
    'As merged, the work takes the list before it invalidates. What is queued afterwards is not freed by this run, whose invalidation may be too early for it, but by the next, after its own.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    play.mapSmall(KVA, 'T1');
    const second = play.mapSmall(KVA_2, 'T2');
    play.touch(bound, KVA_2);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    const work = play.workTo(FREEING_STOP.taken);
    play.unmapSmall(KVA_2);
    play.mapHuge(KVA_2);
    play.finishWork(work);
    play.reuse(second);
    play.touch(bound, KVA_2 + 0x5000);
    play.work();
    if (play.reuse(second)) play.touch(bound, KVA_2 + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3, inline: 3 }),
};
