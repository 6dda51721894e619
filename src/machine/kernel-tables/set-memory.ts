import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../page-tables/formats/entry-format.ts';
import { alignDown, POWER } from '../page-tables/powers.ts';
import type { Kernel } from '../threads/thread.ts';
import type { PgtableFreeing } from './freeing.ts';
import type { KernelMm } from './kernel-mm.ts';
import { LEVEL_PMD, LEVEL_PTE, PAGE_SHIFT, PMD_SHIFT, PTRS_PER_TABLE } from './layout.ts';

/** Places at which another CPU, or a device, may come in between. */
export const CPA_STOP = {
  /** `__split_large_page()`: the table is filled; another CPU may split the page first. */
  splitFilled: 'split_large_page: table filled, not yet installed',
  /** `cpa_collapse_large_pages()`: the CPUs are flushed; the tables are not given up. */
  collapsed: 'cpa_collapse_large_pages: tables unlinked, not yet given up',
  /** `unmap_pte_range()`: the table is given up and still referred to. */
  emptied: 'unmap_pte_range: table given up, not yet unlinked',
} as const;

const PAGE = POWER[PAGE_SHIFT] as number;

/** `split_large_page()`: 512 small pages in the place of a large one. @returns whether this CPU has done it */
export function* splitLargePage(mm: KernelMm, freeing: PgtableFreeing, address: number): Kernel<boolean> {
  const word = mm.entry(address, LEVEL_PMD);
  if (word < 0 || mm.kind(word, LEVEL_PMD) !== ENTRY_LEAF) return false;
  const phys = mm.leafPhys(word);
  const table = mm.allocTable(LEVEL_PTE, address, true);
  if (table < 0) return false;
  for (let index = 0; index < PTRS_PER_TABLE; index++) {
    mm.setLeaf(mm.wordIn(table, index), LEVEL_PTE, phys + index * PAGE);
  }
  yield CPA_STOP.splitFilled;
  if (mm.kind(word, LEVEL_PMD) !== ENTRY_LEAF) {
    // Nothing has ever referred to this table.
    freeing.giveUp(table, 'split loser');
    return false;
  }
  mm.link(word, LEVEL_PMD, table);
  return true;
}

/** `cpa_collapse_large_pages()` of a range: tables whose pages make a large one again are given up. */
export function* collapseLargePages(
  mm: KernelMm,
  freeing: PgtableFreeing,
  address: number,
  size: number,
): Kernel<number> {
  const tables: number[] = [];
  for (let at = alignDown(address, PMD_SHIFT); at < address + size; at += POWER[PMD_SHIFT] as number) {
    const word = mm.entry(at, LEVEL_PMD);
    if (word < 0 || mm.kind(word, LEVEL_PMD) !== ENTRY_TABLE) continue;
    const table = mm.tablePfn(word);
    const phys = largePageIn(mm, table);
    if (phys === undefined) continue;
    mm.setLeaf(word, LEVEL_PMD, phys);
    mm.unlinked(table);
    tables.push(table);
  }
  yield CPA_STOP.collapsed;
  for (const table of tables) freeing.giveUp(table, 'collapse');
  return tables.length;
}

/**
 * `unmap_pte_range()` of a failed `kernel_map_pages_in_pgd()`: clears the pages; a table that is empty then is given up
 * *before* the entry above it is cleared (arch/x86/mm/pat/set_memory.c, Linux 7.2).
 */
export function* unmapPteRange(mm: KernelMm, freeing: PgtableFreeing, address: number, size: number): Kernel {
  const word = mm.entry(address, LEVEL_PMD);
  if (word < 0 || mm.kind(word, LEVEL_PMD) !== ENTRY_TABLE) return;
  for (let at = address; at < address + size; at += PAGE) mm.clear(mm.entry(at, LEVEL_PTE));
  const table = mm.tablePfn(word);
  if (!mm.isEmpty(table, LEVEL_PTE)) return;
  freeing.giveUp(table, 'emptied');
  yield CPA_STOP.emptied;
  mm.unlink(word);
}

/** Where the large page is that the small ones of a table make, if they do. */
function largePageIn(mm: KernelMm, table: number): number | undefined {
  const first = mm.wordIn(table, 0);
  if (mm.kind(first, LEVEL_PTE) === ENTRY_EMPTY) return undefined;
  const phys = mm.leafPhys(first);
  if (alignDown(phys, PMD_SHIFT) !== phys) return undefined;
  for (let index = 1; index < PTRS_PER_TABLE; index++) {
    const word = mm.wordIn(table, index);
    if (mm.kind(word, LEVEL_PTE) === ENTRY_EMPTY || mm.leafPhys(word) !== phys + index * PAGE)
      return undefined;
  }
  return phys;
}
