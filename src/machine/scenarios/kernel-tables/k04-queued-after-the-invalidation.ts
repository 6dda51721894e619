import { FREEING_STOP } from '../../kernel-tables/freeing.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA, KVA_2 } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k04: Scenario = {
  id: 'K4',
  title: 'a table is queued between the invalidation and the look at the list',
  story:
    'The work of the third version invalidates first and takes the list then. A table that is unlinked in between is on the list, and is freed without any invalidation after its unlink.',
  formats: ['x86'],
  machine: { pgtableFree: 'v3' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    play.mapSmall(KVA, 'T1');
    const second = play.mapSmall(KVA_2, 'T2');
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    const work = play.workTo(FREEING_STOP.invalidated);
    play.touch(bound, KVA_2);
    play.unmapSmall(KVA_2);
    play.mapHuge(KVA_2);
    play.finishWork(work);
    play.reuse(second);
    play.touch(bound, KVA_2 + 0x5000);
    play.work();
    if (play.reuse(second)) play.touch(bound, KVA_2 + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3, v3: 3, inline: 3 }),
};
