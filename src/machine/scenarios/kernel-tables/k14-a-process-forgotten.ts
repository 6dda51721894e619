import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k14: Scenario = {
  id: 'K14',
  title: 'the invalidation forgets a process',
  story:
    'Two devices of different IOMMUs are bound to two processes. All share the kernel’s tables, so that the list of processes must be complete: the one whose notifier is not called keeps what its device has cached.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const first = play.bind('1');
    const second = play.bind('2');
    play.kernel.sva.skippedMm = second.mm;
    s.tell('the notifier of process 2 will not be called');
    const table = play.mapSmall(KVA, 'T');
    play.touch(first, KVA);
    play.touch(second, KVA);
    play.unmapSmall(KVA);
    play.mapHuge(KVA);
    play.work();
    play.reuse(table);
    play.touch(first, KVA + 0x5000);
    play.touch(second, KVA + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 5, v3: 3, inline: 5, merged: 3 }, []),
};
