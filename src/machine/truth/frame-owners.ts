/** The owner of a page that nobody has: it lies on a free list. */
export const NOBODY = 0;

/**
 * Who has each page, since when, and how many owners it has had. Kept by the machine itself: no sanitizer and no event
 * has a part in it.
 */
export class FrameOwners {
  /** Owner of each page, as the machine's names number them. */
  readonly owner: Int32Array;
  /** How many owners the page has had. */
  readonly generation: Uint32Array;
  /** When it got its owner, on the {@link now} scale. */
  readonly since: Float64Array;
  /** Counts what changes: a later change has a greater number. */
  now = 1;

  constructor(pages: number) {
    this.owner = new Int32Array(pages);
    this.generation = new Uint32Array(pages);
    this.since = new Float64Array(pages);
  }

  allocated(pfn: number, pages: number, owner: number): void {
    const now = ++this.now;
    for (let page = pfn; page < pfn + pages; page++) {
      this.owner[page] = owner;
      this.since[page] = now;
      this.generation[page] = (this.generation[page] as number) + 1;
    }
  }

  freed(pfn: number, pages: number): void {
    this.now++;
    this.owner.fill(NOBODY, pfn, pfn + pages);
  }

  isMemory(pfn: number): boolean {
    return pfn < this.owner.length;
  }
}
