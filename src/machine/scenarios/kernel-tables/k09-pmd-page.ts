import { PUD_SHIFT } from '../../kernel-tables/layout.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay, KVA, KVA_2 } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

export const k09: Scenario = {
  id: 'K9',
  title: 'the PTE pages wait, the PMD page above them does not',
  story:
    'pud_free_pmd_page() gives up a PMD page with all its PTE pages. The third version defers only the PTE pages; the device has cached the PUD entry that leads to the PMD page.',
  formats: ['x86'],
  machine: { pgtableFree: 'v3' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    play.mapSmall(KVA, 'T1');
    play.mapSmall(KVA_2, 'T2');
    const pmd = play.namePmdTable(KVA, 'PMD page');
    play.touch(bound, KVA);
    play.unmapSmall(KVA);
    play.unmapSmall(KVA_2);
    play.mapHuge(KVA, PUD_SHIFT);
    play.reuse(pmd);
    // An address whose PTE page the device has not cached: the walk begins at the PMD page.
    play.touch(bound, KVA_2 + 2 * 0x200000);
    play.work();
    if (play.reuse(pmd)) play.touch(bound, KVA_2 + 2 * 0x200000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3, v3: 3, inline: 3 }),
};
