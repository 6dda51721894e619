import { LEVEL_PMD, PAGE_OFFSET } from '../../kernel-tables/layout.ts';
import { MIB_2 } from '../places.ts';
import type { Scenario } from '../scenario.ts';
import { KernelPlay } from './kernel-play.ts';
import { verdictOf } from './verdict.ts';

/** Memory that was added and is removed again, beyond all other. */
const ADDED = 2 ** 38;

export const k08: Scenario = {
  id: 'K8',
  title: 'memory is removed, and its tables were never marked',
  story:
    'Tables of the direct map come from the allocators of boot, which set no PT_kernel. As merged, the mark decides, so that hot-remove frees them at once, with a device that knows them.',
  formats: ['x86'],
  machine: { pgtableFree: 'merged' },
  run(s) {
    const play = new KernelPlay(s);
    const bound = play.bind();
    play.kernel.hotAdd(ADDED, MIB_2);
    const table = play.nameTable(PAGE_OFFSET + ADDED, LEVEL_PMD, 'T');
    s.tell('memory hot-add, 2 MiB', 'PTE page T, without PT_kernel');
    play.touch(bound, PAGE_OFFSET + ADDED);
    play.start('memory hot-remove', play.kernel.hotRemove(ADDED, MIB_2));
    play.work();
    play.reuse(table);
    play.touch(bound, PAGE_OFFSET + ADDED + 0x5000);
  },
  expected: (_format, machine) =>
    verdictOf(machine, { immediate: 3, v3: 3, inline: 3, merged: 3 }, [
      'stale-kernel-page-table',
      'kernel-page-table-unlink-order',
    ]),
};
