import { CPA_STOP } from '../../kernel-tables/set-memory.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k07: Scenario = {
  id: 'K7',
  title: 'a table is given up before its entry is cleared',
  story:
    'unmap_pte_range() gives an empty PTE page up and clears the PMD entry then. The work can invalidate and free the page in between, and the device reads the entry, which still leads there, once more: no order within the work helps.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    const table = play.mapSmall(KVA, 'T');
    play.touch(bound, KVA);
    const thread = play.start('unmap_pte_range()', play.kernel.unmapPteRange(KVA, 0x4000), CPA_STOP.emptied);
    play.work();
    play.touch(bound, KVA);
    play.finish(thread);
    play.reuse(table);
    play.touch(bound, KVA + 0x5000);
  },
  expected: (_format, machine) =>
    verdictOf(machine, { immediate: 4, v3: 4, inline: 4, merged: 4 }, ['kernel-page-table-unlink-order']),
};
