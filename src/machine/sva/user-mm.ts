import type { KernelMm } from '../kernel-tables/kernel-mm.ts';
import { LEVEL_PGD, PTRS_PER_TABLE, TASK_SIZE } from '../kernel-tables/layout.ts';
import { tableBase } from '../kernel-tables/table-registry.ts';
import { MachineError } from '../machine-error.ts';
import { GFP_ZERO, type PageAllocator } from '../memory/page-allocator.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../page-tables/formats/entry-format.ts';
import { X86_FIRST_STAGE } from '../page-tables/formats/x86-first-stage.ts';
import { IOMMU_READ, IOMMU_WRITE, type PageTableHost } from '../page-tables/page-table.ts';
import { POWER } from '../page-tables/powers.ts';
import { TableTree } from '../page-tables/table-tree.ts';
import type { Kernel } from '../threads/thread.ts';
import type { Truth } from '../truth/truth.ts';

const PAGE = POWER[12] as number;

/** `munmap()`: the entries are cleared; neither CPUs nor devices are told, and the pages are not free. */
export const MUNMAP_STOP = 'munmap: cleared, not yet flushed';

export interface UserMmHost {
  readonly memory: PhysicalMemory;
  readonly allocator: PageAllocator;
  readonly kernel: KernelMm;
  readonly pageTableHost: PageTableHost;
  readonly truth: Truth;
  /** `mmu_notifier_arch_invalidate_secondary_tlbs()`: devices that are bound to this process forget the range. */
  invalidateSecondary(mm: UserMm, start: number, end: number): void;
}

/**
 * Address space of a process (`mm_struct`): a root with tables of its own for the lower half, and the kernel's entries in
 * the upper half.
 */
export class UserMm {
  readonly id: number;
  readonly name: string;
  /** Number under which the truth knows its mappings, among those of domains. */
  readonly domain: number;
  readonly tree: TableTree;
  private readonly host: UserMmHost;
  private readonly owner: number;

  /**
   * @param id greater than 0
   * @param owner of its pages, for the truth
   */
  constructor(host: UserMmHost, id: number, name: string, domain: number, owner: number) {
    this.host = host;
    this.id = id;
    this.name = name;
    this.domain = domain;
    this.owner = owner;
    this.tree = new TableTree(host.pageTableHost, {
      format: X86_FIRST_STAGE,
      addressBits: 48,
      topLevel: LEVEL_PGD,
      isSignExtended: true,
    });
    this.copyKernelHalf();
  }

  /** `mmap()` with `MAP_POPULATE`: zeroed pages from `address` on. @returns page frames */
  mmap(address: number, pages: number): number[] {
    if (address + pages * PAGE > TASK_SIZE) throw new MachineError('user space ends below this address');
    const { allocator, memory, truth } = this.host;
    return Array.from({ length: pages }, (_, index) => {
      const at = address + index * PAGE;
      const pfn = allocator.alloc(0, GFP_ZERO, this.owner);
      if (pfn < 0) throw new MachineError('out of memory: no page for a process');
      X86_FIRST_STAGE.writeLeaf(memory.words, this.entry(at), 0, pfn * PAGE, 12, IOMMU_READ | IOMMU_WRITE);
      truth.mapped(this.domain, at, pfn * PAGE, PAGE);
      return pfn;
    });
  }

  /** `munmap()`: clears, flushes CPUs and devices, then frees the pages. */
  *munmap(address: number, pages: number): Kernel {
    const { memory, allocator } = this.host;
    const freed: number[] = [];
    for (let at = address; at < address + pages * PAGE; at += PAGE) {
      const word = this.entry(at);
      if (this.tree.kindAt(word, 0) !== ENTRY_LEAF) continue;
      const { words } = memory;
      freed.push(X86_FIRST_STAGE.leafAddress(words[word] as number, words[word + 1] as number) / PAGE);
      this.tree.clear(word, 1);
    }
    yield MUNMAP_STOP;
    this.host.invalidateSecondary(this, address, address + pages * PAGE);
    for (const pfn of freed) allocator.free(pfn, 0);
  }

  /** The entry of a page, with tables on the way. */
  private entry(address: number): number {
    const { kernel, memory } = this.host;
    let table = this.tree.root;
    for (let level = LEVEL_PGD; level > 0; level--) {
      const word = this.tree.wordOf(table, this.tree.indexOf(address, level));
      if (this.tree.kindAt(word, level) === ENTRY_EMPTY) {
        const role = {
          level: level - 1,
          base: tableBase(address, level - 1),
          mm: this.id,
          isPtKernel: false,
        };
        const pfn = kernel.tables.alloc(role);
        if (pfn < 0) throw new MachineError('out of memory: no page for a page table');
        X86_FIRST_STAGE.writeTable(memory.words, word, level, pfn * PAGE);
      }
      table = this.tree.tableAt(word);
    }
    return this.tree.wordOf(table, this.tree.indexOf(address, 0));
  }

  /** `pgd_ctor()`: the upper half of the root is the kernel's. */
  private copyKernelHalf(): void {
    const { kernel, memory } = this.host;
    for (let index = PTRS_PER_TABLE / 2; index < PTRS_PER_TABLE; index++) {
      const from = kernel.tree.wordOf(kernel.tree.root, index);
      if (this.tree.kindAt(from, LEVEL_PGD) !== ENTRY_TABLE) continue;
      const to = this.tree.wordOf(this.tree.root, index);
      memory.words.copyWithin(to, from, from + 2);
    }
  }
}
