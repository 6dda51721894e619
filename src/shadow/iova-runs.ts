/**
 * Runs of IOVA pages that belong to one mapping, in columns: an answer of `IovaTable` that is used again and again,
 * so that an operation allocates nothing. Rows `0 ... count - 1` are valid until the next `reset`.
 */
export class IovaRuns {
  count = 0;
  /** First page (4 KiB) of the run. The arrays are replaced when they grow: read them after the last `push`. */
  page = new Float64Array(64);
  /** Pages in the run. */
  pages = new Float64Array(64);
  /** Mapping that the run belongs to. */
  id = new Int32Array(64);

  /** Forgets all runs and keeps the memory. */
  reset(): void {
    this.count = 0;
  }

  /** Appends a run, or lengthens the last one when this one continues it. */
  push(page: number, pages: number, id: number): void {
    const last = this.count - 1;
    if (last >= 0 && this.id[last] === id) {
      const lastPages = this.pages[last] as number;
      if ((this.page[last] as number) + lastPages === page) {
        this.pages[last] = lastPages + pages;
        return;
      }
    }
    if (this.count === this.id.length) this.grow();
    this.page[this.count] = page;
    this.pages[this.count] = pages;
    this.id[this.count] = id;
    this.count++;
  }

  private grow(): void {
    const { page, pages, id } = this;
    this.page = new Float64Array(page.length * 2);
    this.page.set(page);
    this.pages = new Float64Array(pages.length * 2);
    this.pages.set(pages);
    this.id = new Int32Array(id.length * 2);
    this.id.set(id);
  }
}
