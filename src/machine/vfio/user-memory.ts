import { GFP_COMP, GFP_ZERO, type PageAllocator } from '../memory/page-allocator.ts';

/** One folio of a process: `2^order` pages. */
interface Folio {
  readonly pfn: number;
  readonly order: number;
}

/**
 * Memory of a process, folio by folio, as a virtual machine's is: what is pinned outlives the process, because each pin
 * is a reference to its folio.
 */
export class UserMemory {
  readonly pages: number;
  private readonly allocator: PageAllocator;
  private readonly folios: readonly Folio[];
  /** Index in `folios` of each page. */
  private readonly folioOf: readonly number[];
  private isMapped = true;

  private constructor(allocator: PageAllocator, folios: readonly Folio[]) {
    this.allocator = allocator;
    this.folios = folios;
    this.folioOf = folios.flatMap(({ order }, index) => Array.from({ length: 2 ** order }, () => index));
    this.pages = this.folioOf.length;
  }

  /**
   * `mmap()` and the faults of all pages.
   *
   * @param order of each folio: 0 for small pages, 9 for transparent huge pages of 2 MiB
   * @returns `undefined` where there is not enough memory
   */
  static map(allocator: PageAllocator, pages: number, order: number, owner: number): UserMemory | undefined {
    const folios: Folio[] = [];
    for (let have = 0; have < pages; have += 2 ** order) {
      const pfn = allocator.alloc(order, GFP_ZERO | GFP_COMP, owner);
      if (pfn < 0) {
        for (const folio of folios) allocator.put(folio.pfn);
        return undefined;
      }
      folios.push({ pfn, order });
    }
    return new UserMemory(allocator, folios);
  }

  /** The page frame of a page. */
  pfn(page: number): number {
    const folio = this.folio(page);
    const first = this.folioOf.indexOf(this.folioOf[page] as number);
    return folio.pfn + page - first;
  }

  /** `munmap()`, or the end of the process: folios that nobody has pinned are free. */
  unmap(): void {
    if (!this.isMapped) return;
    this.isMapped = false;
    for (const { pfn } of this.folios) this.allocator.put(pfn);
  }

  /** `pin_user_pages()` of one page: a reference to its folio. @returns the page frame */
  pin(page: number): number {
    this.allocator.get(this.folio(page).pfn);
    return this.pfn(page);
  }

  /** `unpin_user_page()`: `pfn` is any page of this memory. */
  unpin(pfn: number): void {
    const folio = this.folios.find(each => pfn >= each.pfn && pfn < each.pfn + 2 ** each.order);
    if (folio === undefined) throw new Error(`page ${pfn} is not of this memory and was never pinned`);
    this.allocator.put(folio.pfn);
  }

  private folio(page: number): Folio {
    const folio = this.folios[this.folioOf[page] as number];
    if (folio === undefined) throw new RangeError(`this memory has no page ${page}`);
    return folio;
  }
}
