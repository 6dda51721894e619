import { ENTRY_TABLE } from '../page-tables/formats/entry-format.ts';
import { POWER } from '../page-tables/powers.ts';
import type { Kernel } from '../threads/thread.ts';
import type { PgtableFreeing } from './freeing.ts';
import type { KernelMm } from './kernel-mm.ts';
import { LEVEL_PMD, LEVEL_PTE, PAGE_OFFSET, PAGE_SHIFT, PMD_SHIFT } from './layout.ts';

/** Places at which another CPU, or a device, may come in between. */
export const HOT_REMOVE_STOP = {
  /** `free_pte_table()`: the table is given up and still referred to. */
  givenUp: 'remove_pagetable: table given up, not yet unlinked',
  /** `remove_pagetable()`: all is cleared, the CPUs are not flushed yet. */
  cleared: 'remove_pagetable: unlinked, CPUs not yet flushed',
} as const;

const PAGE = POWER[PAGE_SHIFT] as number;

/**
 * `kernel_physical_mapping_init()` of memory that is added, page by page. Its tables come from `alloc_low_pages()` and the
 * like (arch/x86/mm/init.c), so that they are not marked `PT_kernel`.
 */
export function mapDirect(mm: KernelMm, phys: number, size: number): void {
  for (let done = 0; done < size; done += PAGE) {
    mm.setLeaf(mm.entryWithTables(PAGE_OFFSET + phys + done, LEVEL_PTE, false), LEVEL_PTE, phys + done);
  }
}

/**
 * `remove_pagetable()` of memory that is removed: a table is given up *before* the entry above it is cleared
 * (`free_pte_table()`, arch/x86/mm/init_64.c, Linux 7.2), and the CPUs are flushed after all.
 */
export function* removePagetable(mm: KernelMm, freeing: PgtableFreeing, phys: number, size: number): Kernel {
  const start = PAGE_OFFSET + phys;
  for (let at = start; at < start + size; at += POWER[PMD_SHIFT] as number) {
    const word = mm.entry(at, LEVEL_PMD);
    if (word < 0 || mm.kind(word, LEVEL_PMD) !== ENTRY_TABLE) continue;
    const end = Math.min(at + (POWER[PMD_SHIFT] as number), start + size);
    for (let page = at; page < end; page += PAGE) mm.clear(mm.entry(page, LEVEL_PTE));
    const table = mm.tablePfn(word);
    if (!mm.isEmpty(table, LEVEL_PTE)) continue;
    freeing.giveUp(table, 'hot-remove');
    yield HOT_REMOVE_STOP.givenUp;
    mm.unlink(word);
  }
  yield HOT_REMOVE_STOP.cleared;
}
