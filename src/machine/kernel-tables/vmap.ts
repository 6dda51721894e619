import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../page-tables/formats/entry-format.ts';
import { isAligned, POWER } from '../page-tables/powers.ts';
import type { Kernel } from '../threads/thread.ts';
import type { PgtableFreeing } from './freeing.ts';
import type { KernelMm } from './kernel-mm.ts';
import {
  LEVEL_PMD,
  LEVEL_PTE,
  LEVEL_PUD,
  PAGE_SHIFT,
  PMD_SHIFT,
  PTRS_PER_TABLE,
  PUD_SHIFT,
} from './layout.ts';

/** Places at which another CPU, or a device, may come in between. */
export const VMAP_STOP = {
  /** `pmd_free_pte_page()`, `pud_free_pmd_page()`: the entry is cleared and the CPUs are flushed; the table is not given up. */
  unlinked: 'vmap: table unlinked, not yet given up',
} as const;

/** What each level of leaves spans, the largest first. */
const LEAVES = [
  [LEVEL_PUD, PUD_SHIFT],
  [LEVEL_PMD, PMD_SHIFT],
] as const;

/**
 * `vmap_range_noflush()`, of `ioremap()` and huge vmalloc: maps with the largest pages that fit. Where an unused table is
 * in the way of a huge page, it is freed (arch/x86/mm/pgtable.c, Linux 7.2).
 *
 * @param maxShift the largest page that may be used: 12, 21 or 30
 */
export function* vmapRange(
  mm: KernelMm,
  freeing: PgtableFreeing,
  address: number,
  phys: number,
  size: number,
  maxShift: number,
): Kernel {
  for (let done = 0; done < size; ) {
    done += yield* mapOne(mm, freeing, address + done, phys + done, size - done, maxShift);
  }
}

/** `vunmap_range()`: entries are cleared, tables stay. */
export function vunmapRange(mm: KernelMm, address: number, size: number): void {
  for (let done = 0; done < size; ) {
    const leaf = leafAt(mm, address + done);
    if (leaf.word >= 0) mm.clear(leaf.word);
    done += POWER[leaf.shift] as number;
  }
}

/** The leaf at an address; where there is none, the word is -1 and the shift that of a page. */
function leafAt(mm: KernelMm, address: number): { readonly word: number; readonly shift: number } {
  for (const [level, shift] of [...LEAVES, [LEVEL_PTE, PAGE_SHIFT] as const]) {
    const word = mm.entry(address, level);
    if (word >= 0 && mm.kind(word, level) === ENTRY_LEAF) return { word, shift };
  }
  return { word: -1, shift: PAGE_SHIFT };
}

/** Maps one page of some size. @returns its size */
function* mapOne(
  mm: KernelMm,
  freeing: PgtableFreeing,
  address: number,
  phys: number,
  size: number,
  maxShift: number,
): Kernel<number> {
  for (const [level, shift] of LEAVES) {
    const bytes = POWER[shift] as number;
    if (shift > maxShift || size < bytes || !isAligned(address, shift) || !isAligned(phys, shift)) continue;
    const word = mm.entryWithTables(address, level);
    if (mm.kind(word, level) === ENTRY_TABLE) {
      if (level === LEVEL_PUD) yield* mm.inside('pud_free_pmd_page', pudFreePmdPage(mm, freeing, word));
      else yield* mm.inside('pmd_free_pte_page', pmdFreePtePage(mm, freeing, word));
    }
    mm.setLeaf(word, level, phys);
    return bytes;
  }
  mm.setLeaf(mm.entryWithTables(address, LEVEL_PTE), LEVEL_PTE, phys);
  return POWER[PAGE_SHIFT] as number;
}

/** `pmd_free_pte_page()`: clear, flush the CPUs, free the PTE page. */
function* pmdFreePtePage(mm: KernelMm, freeing: PgtableFreeing, word: number): Kernel {
  const pte = mm.tablePfn(word);
  mm.unlink(word);
  yield VMAP_STOP.unlinked;
  freeing.giveUp(pte, 'pte');
}

/** `pud_free_pmd_page()`: clear all entries and the one above, flush the CPUs, free the PTE pages, then the PMD page. */
function* pudFreePmdPage(mm: KernelMm, freeing: PgtableFreeing, word: number): Kernel {
  const pmd = mm.tablePfn(word);
  const ptes: number[] = [];
  for (let index = 0; index < PTRS_PER_TABLE; index++) {
    const entry = mm.wordIn(pmd, index);
    const kind = mm.kind(entry, LEVEL_PMD);
    if (kind === ENTRY_TABLE) {
      ptes.push(mm.tablePfn(entry));
      mm.unlink(entry);
    } else if (kind !== ENTRY_EMPTY) {
      mm.clear(entry);
    }
  }
  mm.unlink(word);
  yield VMAP_STOP.unlinked;
  for (const pte of ptes) freeing.giveUp(pte, 'pte');
  freeing.giveUp(pmd, 'pmd');
}
