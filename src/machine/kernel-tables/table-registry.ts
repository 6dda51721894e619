import { MachineError } from '../machine-error.ts';
import { GFP_COMP, GFP_ZERO, type PageAllocator } from '../memory/page-allocator.ts';
import { alignDown } from '../page-tables/powers.ts';
import { PAGE_SHIFT } from './layout.ts';

/** Which table a page is, from its allocation to its free: the truth that a walk is judged by. */
export interface TableRole {
  /** Counted from the leaves. */
  readonly level: number;
  /** First address that the table spans. */
  readonly base: number;
  /** Whose: 0 for the kernel's own, which all address spaces share. */
  readonly mm: number;
  /** `PT_kernel` (`PG_referenced` of the ptdesc): set by the allocators of kernel page tables, not by those of boot. */
  readonly isPtKernel: boolean;
}

const ENTRY_BITS = 9;

/** Pages of the CPU's page tables, the kernel's and those of processes. */
export class TableRegistry {
  private readonly allocator: PageAllocator;
  private readonly pageSize: number;
  private readonly owner: number;
  private readonly roles = new Map<number, TableRole>();

  /** @param owner whose pages these are, for the truth */
  constructor(allocator: PageAllocator, pageSize: number, owner: number) {
    this.allocator = allocator;
    this.pageSize = pageSize;
    this.owner = owner;
  }

  /** Allocates a zeroed table. @returns its page frame, or -1 */
  alloc(role: TableRole): number {
    const pfn = this.allocator.alloc(0, GFP_ZERO | GFP_COMP, this.owner);
    if (pfn >= 0) this.roles.set(pfn, role);
    return pfn;
  }

  /** `__pagetable_free()`: the page goes back to the allocator. */
  free(pfn: number): void {
    if (!this.roles.delete(pfn)) throw new MachineError(`page ${pfn} is freed as a page table, but is none`);
    this.allocator.free(pfn, 0);
  }

  role(pfn: number): TableRole | undefined {
    return this.roles.get(pfn);
  }

  /** Whether a walk for `address` of an address space may read an entry of `level` at this page. */
  isRightTable(phys: number, level: number, address: number, mm: number): boolean {
    const role = this.roles.get(Math.floor(phys / this.pageSize));
    if (role === undefined || role.level !== level || (role.mm !== 0 && role.mm !== mm)) return false;
    return role.base === tableBase(address, level);
  }
}

/** First address that the table of `level` for `address` spans; all of them for the root. */
export function tableBase(address: number, level: number): number {
  const shift = PAGE_SHIFT + ENTRY_BITS * (level + 1);
  return shift >= 48 ? 0 : alignDown(address, shift);
}
