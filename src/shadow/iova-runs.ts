/** Takes what a look through `IovaTable` finds, in ascending order. */
export interface RunSink {
  /** Pages of one mapping; they may continue what was told last. */
  push(page: number, pages: number, id: number): void;
  /**
   * Slots `from` to `to` of a node, each of which stands for `unit` pages, the first of them for IOVA page `page` and
   * those behind it. A slot holds the id of a mapping, or 0.
   *
   * @returns how many of them are not 0
   */
  takeSlots(slots: Int32Array, from: number, to: number, page: number, unit: number): number;
}

/**
 * Runs of IOVA pages that belong to one mapping, in columns: an answer of `IovaTable` that is used again and again,
 * so that an operation allocates nothing. Rows `0 ... count - 1` are valid until the next `reset`.
 */
export class IovaRuns implements RunSink {
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

  /** Whether a run of a mapping from this page on belongs to the last run. */
  continuesWith(page: number, id: number): boolean {
    const last = this.count - 1;
    if (last < 0 || this.id[last] !== id) return false;
    return (this.page[last] as number) + (this.pages[last] as number) === page;
  }

  /** Appends a run, or lengthens the last one when this one continues it. */
  push(page: number, pages: number, id: number): void {
    if (this.continuesWith(page, id)) {
      this.pages[this.count - 1] = (this.pages[this.count - 1] as number) + pages;
      return;
    }
    if (this.count === this.id.length) this.grow();
    this.page[this.count] = page;
    this.pages[this.count] = pages;
    this.id[this.count] = id;
    this.count++;
  }

  takeSlots(slots: Int32Array, from: number, to: number, page: number, unit: number): number {
    this.reserveMore(to - from);
    let at = from;
    let found = 0;
    if (from < to && slots[from] !== 0) {
      // Only here a run may go on that began in the node before.
      while (at < to && slots[at] === slots[from]) at++;
      this.push(page, (at - from) * unit, slots[from] as number);
      found = at - from;
    }
    const { page: firsts, pages, id: ids } = this;
    let { count } = this;
    while (at < to) {
      const id = slots[at] as number;
      const first = at++;
      if (id === 0) continue;
      while (at < to && slots[at] === id) at++;
      found += at - first;
      firsts[count] = page + (first - from) * unit;
      pages[count] = (at - first) * unit;
      ids[count++] = id;
    }
    this.count = count;
    return found;
  }

  /** Makes room for so many more runs: for callers that write the columns. */
  reserveMore(runs: number): void {
    while (this.id.length < this.count + runs) this.grow();
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
