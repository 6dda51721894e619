import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k12: Scenario = {
  id: 'K12',
  title: 'a table is given up while the system boots',
  story:
    'There is no work queue yet: pages wait until a core_initcall starts the work. Nothing is bound so early, and the memory is held a little longer.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    play.kernel.freeing.systemState = 'booting';
    const table = play.mapSmall(KVA, 'T');
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.work();
    const wasFree = play.reuse(table);
    play.kernel.freeing.boot();
    s.tell('core_initcall: the work may run');
    play.work();
    if (!wasFree) play.reuse(table, true);
    const bound = play.bind();
    play.touch(bound, KVA + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, {}),
};
