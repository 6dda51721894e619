interface NaiveLeaf {
  phys: number;
  /** Level counted from the leaves. */
  level: number;
}

/**
 * What io-pgtable-arm does, granule by granule. The tables matter to what it answers, so the model knows which exist:
 * `tables` holds `level:start` of every table of a level below the root.
 */
export class NaiveArmLpae {
  readonly pages = new Map<number, NaiveLeaf>();
  private readonly tables = new Set<string>();
  private readonly granule: number;
  private readonly entries: number;
  private readonly topLevel: number;
  private readonly splits: boolean;

  constructor(granule: number, topLevel: number, splits: boolean) {
    this.granule = granule;
    this.entries = granule / 8;
    this.topLevel = topLevel;
    this.splits = splits;
  }

  span(level: number): number {
    return this.granule * this.entries ** level;
  }

  mapPages(iova: number, phys: number, level: number, pageCount: number): { mapped: number; ok: boolean } {
    const size = this.span(level);
    for (let above = this.topLevel; above > level; above--) {
      const leaf = this.pages.get(iova);
      if (leaf !== undefined && leaf.level >= above) return { mapped: 0, ok: false };
      this.tables.add(this.tableKey(iova, above - 1));
    }
    const count = Math.min(pageCount, this.leftInTable(iova, level));
    for (let each = 0; each < count; each++) {
      const at = iova + each * size;
      const leaf = this.pages.get(at);
      if (leaf !== undefined && leaf.level >= level) return { mapped: 0, ok: false };
      this.drop(at, level);
    }
    for (let each = 0; each < count; each++) {
      for (let off = 0; off < size; off += this.granule) {
        this.pages.set(iova + each * size + off, { phys: phys + each * size + off, level });
      }
    }
    return { mapped: count * size, ok: true };
  }

  unmapPages(iova: number, level: number, pageCount: number): number {
    const size = this.span(level);
    for (let above = this.topLevel; above > level; above--) {
      const leaf = this.pages.get(iova);
      if (leaf !== undefined && leaf.level === above) {
        if (!this.splits) return 0;
        this.split(iova, above);
      } else if (!this.tables.has(this.tableKey(iova, above - 1))) {
        return 0;
      }
    }
    const count = Math.min(pageCount, this.leftInTable(iova, level));
    let done = 0;
    for (; done < count; done++) {
      const at = iova + done * size;
      const isThere =
        this.pages.get(at)?.level === level || (level > 0 && this.tables.has(this.tableKey(at, level - 1)));
      if (!isThere) break;
      this.drop(at, level);
    }
    return done * size;
  }

  iovaToPhys(iova: number): number {
    const offset = iova % this.granule;
    const page = this.pages.get(iova - offset);
    return page === undefined ? 0 : page.phys + offset;
  }

  private leftInTable(iova: number, level: number): number {
    return this.entries - (Math.floor(iova / this.span(level)) % this.entries);
  }

  /** Turns one block into pages of the level below. */
  private split(iova: number, level: number): void {
    const size = this.span(level);
    const start = Math.floor(iova / size) * size;
    this.tables.add(this.tableKey(start, level - 1));
    for (let at = start; at < start + size; at += this.granule)
      (this.pages.get(at) as NaiveLeaf).level = level - 1;
  }

  /** Everything that an entry of `level` leads to is gone, tables included. */
  private drop(iova: number, level: number): void {
    for (let at = iova; at < iova + this.span(level); at += this.granule) this.pages.delete(at);
    for (let below = level - 1; below >= 0; below--) {
      const span = this.span(below + 1);
      for (let at = iova; at < iova + this.span(level); at += span)
        this.tables.delete(this.tableKey(at, below));
    }
  }

  /** A table of `level` holds the entries of this size; it is named by the first IOVA that it spans. */
  private tableKey(iova: number, level: number): string {
    const span = this.span(level + 1);
    return `${level}:${Math.floor(iova / span) * span}`;
  }
}
