import { LEVEL_PMD, PAGE_OFFSET } from '../../kernel-tables/layout.ts';
import { MIB_2 } from '../places.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

/** A large page of the direct map, within the machine's memory. */
const LARGE = PAGE_OFFSET + MIB_2;

export const k13: Scenario = {
  id: 'K13',
  title: 'the invalidation begins at PAGE_OFFSET',
  story:
    'CPA splits a large page of the direct map, the lowest part of the kernel’s half, and collapses it again. A flush from PAGE_OFFSET on covers its table; one that began at the vmalloc area would not.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    s.machine.call(play.kernel.vmap(LARGE, MIB_2, MIB_2, 21));
    s.tell('direct map of 2 MiB', 'one large page');
    s.machine.call(play.kernel.splitLargePage(LARGE));
    const table = play.nameTable(LARGE, LEVEL_PMD, 'T');
    s.tell('split_large_page()', 'PTE page T');
    play.touch(bound, LARGE);
    s.machine.call(play.kernel.collapseLargePages(LARGE, MIB_2));
    s.tell('cpa_collapse_large_pages()', 'T is given up');
    play.work();
    play.reuse(table);
    play.touch(bound, LARGE + 0x5000);
  },
  expected: (_format, machine) => verdictOf(machine, { immediate: 3, v3: 3, inline: 3 }),
};
