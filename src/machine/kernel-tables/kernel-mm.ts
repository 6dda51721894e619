import type { Emission } from '../events/emission.ts';
import { MachineError } from '../machine-error.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { highWord, lowWord } from '../page-tables/formats/address-bits.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../page-tables/formats/entry-format.ts';
import {
  X86_A,
  X86_D,
  X86_FIRST_STAGE,
  X86_G,
  X86_P,
  X86_PS,
  X86_RW,
} from '../page-tables/formats/x86-first-stage.ts';
import type { PageTableHost } from '../page-tables/page-table.ts';
import { TableTree } from '../page-tables/table-tree.ts';
import type { Kernel } from '../threads/thread.ts';
import { LEVEL_PGD, LEVEL_PUD, PAGE_OFFSET, PTRS_PER_TABLE, VMALLOC_START, VMEMMAP_START } from './layout.ts';
import { type TableRegistry, tableBase } from './table-registry.ts';

/** `PAGE_KERNEL`: what a leaf of the kernel's own has; not for user mode, and so not for a device. */
const PAGE_KERNEL = X86_P | X86_RW | X86_A | X86_D | X86_G;

export interface KernelMmHost {
  readonly memory: PhysicalMemory;
  readonly emission: Emission;
  readonly tables: TableRegistry;
  readonly pageTableHost: PageTableHost;
}

/**
 * `init_mm`: the kernel's page tables, in simulated memory and with the bits of x86-64. The top entries are made at boot
 * and never change, so that every process's root can have copies of them.
 *
 * Entries that refer to tables allow user mode, as `_PAGE_TABLE` does: only leaves keep it out. So a walk for a device
 * goes on through them, and caches what it has read.
 */
export class KernelMm {
  readonly tree: TableTree;
  readonly tables: TableRegistry;
  private readonly host: KernelMmHost;

  constructor(host: KernelMmHost) {
    this.host = host;
    this.tables = host.tables;
    this.tree = new TableTree(host.pageTableHost, {
      format: X86_FIRST_STAGE,
      addressBits: 48,
      topLevel: LEVEL_PGD,
      isSignExtended: true,
    });
    // preallocate_vmalloc_pages() and the direct map of boot.
    for (const region of [PAGE_OFFSET, VMALLOC_START, VMEMMAP_START]) {
      this.addTable(
        this.tree.wordOf(this.tree.root, this.tree.indexOf(region, LEVEL_PGD)),
        LEVEL_PGD,
        region,
        false,
      );
    }
  }

  /** Index in memory of the entry of `level` for an address, or -1 where the way there ends above. */
  entry(address: number, level: number): number {
    let table = this.tree.root;
    for (let above = LEVEL_PGD; above > level; above--) {
      const word = this.tree.wordOf(table, this.tree.indexOf(address, above));
      if (this.tree.kindAt(word, above) !== ENTRY_TABLE) return -1;
      table = this.tree.tableAt(word);
    }
    return this.tree.wordOf(table, this.tree.indexOf(address, level));
  }

  /** `pud_alloc()`, `pmd_alloc_kernel()`, `pte_alloc_kernel()`: the entry of `level`, with new tables on the way. */
  entryWithTables(address: number, level: number, isPtKernel = true): number {
    for (let above = LEVEL_PUD; above > level; above--) {
      const word = this.entry(address, above);
      if (word < 0) throw new MachineError('an address whose top entry is not made at boot');
      const kind = this.kind(word, above);
      if (kind === ENTRY_LEAF) throw new MachineError('a large page is mapped there');
      if (kind === ENTRY_EMPTY) this.addTable(word, above, address, isPtKernel);
    }
    return this.entry(address, level);
  }

  kind(word: number, level: number): number {
    return this.tree.kindAt(word, level);
  }

  /** Page frame of the table that an entry refers to. */
  tablePfn(word: number): number {
    return this.tree.tableAt(word) / this.host.memory.pageSize;
  }

  /** First byte of the page that a leaf maps. */
  leafPhys(word: number): number {
    const { words } = this.host.memory;
    return X86_FIRST_STAGE.leafAddress(words[word] as number, words[word + 1] as number);
  }

  /** Index in memory of an entry of a table page. */
  wordIn(pfn: number, index: number): number {
    return this.tree.wordOf(pfn * this.host.memory.pageSize, index);
  }

  /** `set_pte()`, `pmd_set_huge()`, `pud_set_huge()` */
  setLeaf(word: number, level: number, phys: number): void {
    const { words } = this.host.memory;
    words[word + 1] = highWord(phys);
    words[word] = lowWord(phys) | PAGE_KERNEL | (level > 0 ? X86_PS : 0);
  }

  /** `pte_clear()`, or an entry whose leaf goes. */
  clear(word: number): void {
    this.tree.clear(word, 1);
  }

  /** `pmd_clear()`, `pud_clear()`: the table is not referred to any more. */
  unlink(word: number): void {
    const pfn = this.tablePfn(word);
    this.tree.clear(word, 1);
    this.unlinked(pfn);
  }

  /** An entry that referred to the table refers to something else from now on. */
  unlinked(pfn: number): void {
    const { emission } = this.host;
    emission.sink.kernelTableUnlink(emission.moment(), pfn);
  }

  /** A table that nothing refers to yet. @returns its page frame, or -1 without memory */
  allocTable(level: number, address: number, isPtKernel: boolean): number {
    return this.tables.alloc({ level, base: tableBase(address, level), mm: 0, isPtKernel });
  }

  /** `pmd_populate_kernel()` and the like: an entry of `level` refers to the table. */
  link(word: number, level: number, pfn: number): void {
    const { memory } = this.host;
    X86_FIRST_STAGE.writeTable(memory.words, word, level, pfn * memory.pageSize);
  }

  /** Runs code as a function of this name, for the kernel stack. */
  *inside<T>(name: string, body: Kernel<T>): Kernel<T> {
    const { emission } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol(name));
    const result = yield* body;
    emission.leave(caller);
    return result;
  }

  /** Whether all entries of a table are empty. */
  isEmpty(pfn: number, level: number): boolean {
    for (let index = 0; index < PTRS_PER_TABLE; index++) {
      if (this.kind(this.wordIn(pfn, index), level) !== ENTRY_EMPTY) return false;
    }
    return true;
  }

  private addTable(word: number, level: number, address: number, isPtKernel: boolean): void {
    const pfn = this.allocTable(level - 1, address, isPtKernel);
    if (pfn < 0) throw new MachineError('out of memory: no page for a kernel page table');
    this.link(word, level, pfn);
  }
}
