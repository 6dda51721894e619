/** One page of the naive model: where it leads, and of which leaf it is a part. */
interface NaivePage {
  readonly phys: number;
  readonly leafStart: number;
  readonly leafSize: number;
}

const PAGE = 4096;

/** What generic_pt does, page by page and without tables: the specification of the property tests. */
export class NaiveGenericPt {
  readonly pages = new Map<number, NaivePage>();
  private readonly sizes: readonly number[];
  private readonly limit: number;

  /** @param sizes page sizes in bytes, in any order; @param limit first IOVA that cannot be translated */
  constructor(sizes: readonly number[], limit: number) {
    this.sizes = [...sizes].sort((left, right) => right - left);
    this.limit = limit;
  }

  /** @returns bytes mapped, and whether all was */
  map(iova: number, phys: number, size: number): { mapped: number; ok: boolean } {
    let mapped = 0;
    if (iova + size > this.limit) return { mapped, ok: false };
    while (mapped < size) {
      const leaf = this.sizes.find(
        each => each <= size - mapped && (iova + mapped) % each === 0 && (phys + mapped) % each === 0,
      );
      if (leaf === undefined) return { mapped, ok: false };
      const start = iova + mapped;
      for (let at = start; at < start + leaf; at += PAGE) {
        if (this.pages.has(at)) return { mapped, ok: false };
      }
      for (let at = start; at < start + leaf; at += PAGE) {
        this.pages.set(at, { phys: phys + mapped + at - start, leafStart: start, leafSize: leaf });
      }
      mapped += leaf;
    }
    return { mapped, ok: true };
  }

  unmap(iova: number, size: number): number {
    let unmapped = 0;
    if (iova + size > this.limit) return 0;
    while (unmapped < size) {
      const at = iova + unmapped;
      const page = this.pages.get(at - (at % PAGE));
      if (page === undefined || page.leafStart !== at) break;
      for (let each = at; each < at + page.leafSize; each += PAGE) this.pages.delete(each);
      unmapped += page.leafSize;
    }
    return unmapped;
  }

  iovaToPhys(iova: number): number {
    const offset = iova % PAGE;
    const page = this.pages.get(iova - offset);
    return page === undefined ? 0 : page.phys + offset;
  }
}
