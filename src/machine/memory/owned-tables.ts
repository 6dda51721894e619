import type { Faults } from '../iommu/context.ts';
import { GFP_COMP, GFP_ZERO, type PageAllocator } from './page-allocator.ts';
import type { TablePages } from './table-pages.ts';

/**
 * Memory for the page tables of one domain: pages of an owner of its own, so that the truth can tell a table of this
 * domain from anything else.
 */
export function ownedTables(
  allocator: PageAllocator,
  pageSize: number,
  owner: number,
  faults: Faults,
): TablePages {
  return {
    allocTable(sizeBytes) {
      if (faults.tableAllocFailsAfter !== undefined && faults.tableAllocFailsAfter-- === 0) {
        faults.tableAllocFailsAfter = undefined;
        return undefined;
      }
      const order = Math.max(0, Math.ceil(Math.log2(sizeBytes / pageSize)));
      const pfn = allocator.alloc(order, GFP_ZERO | GFP_COMP, owner);
      return pfn < 0 ? undefined : pfn * pageSize;
    },
    freeTable(phys) {
      allocator.put(phys / pageSize);
    },
  };
}
