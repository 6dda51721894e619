import { EADDRINUSE, EINVAL, ENOMEM, ENXIO, EOVERFLOW, ERANGE } from '../../errno.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../formats/entry-format.ts';
import type { PageSizes } from '../page-sizes.ts';
import { IOMMU_READ, IOMMU_WRITE, type MapResult } from '../page-table.ts';
import { ADDRESS_SPACE, POWER } from '../powers.ts';
import type { TableTree } from '../table-tree.ts';

/** `map_range()` of drivers/iommu/generic_pt/iommu_pt.h, Linux 7.2. */
export class RangeMapper {
  private readonly tree: TableTree;
  private readonly sizes: PageSizes;
  private readonly hasDynamicTop: boolean;
  /** Empty tables that larger leaves have replaced in the call that is running. */
  private replaced: number[] = [];

  constructor(tree: TableTree, sizes: PageSizes, hasDynamicTop: boolean) {
    this.tree = tree;
    this.sizes = sizes;
    this.hasDynamicTop = hasDynamicTop;
  }

  /** Maps with the largest page that fits at each place; what is mapped before an error stays. */
  map(iova: number, phys: number, size: number, prot: number, result: MapResult): void {
    result.mapped = 0;
    result.error = this.check(iova, phys, size, prot);
    if (result.error !== 0) return;
    result.error = this.writeLeaves(iova, phys, size, prot, result);
    this.freeReplaced(iova, size);
  }

  private check(iova: number, phys: number, size: number, prot: number): number {
    if (!(prot & (IOMMU_READ | IOMMU_WRITE))) {
      this.tree.host.log.warn('map_range', 'a mapping that may be neither read nor written');
      return -EINVAL;
    }
    if (phys >= (POWER[this.tree.format.outputBits] as number)) return -ERANGE;
    if (size === 0) return -EINVAL;
    if (iova + size > ADDRESS_SPACE) return -EOVERFLOW;
    const shift = this.sizes.best(iova, phys, size);
    if (shift === 0) return -ENXIO;
    return this.growTop(iova, size, this.sizes.levelOf(shift));
  }

  /** `increase_top()`: puts tables on top, the old root as their first entry, until the range is covered. */
  private growTop(iova: number, size: number, leafLevel: number): number {
    const { tree } = this;
    if (!this.hasDynamicTop) return tree.covers(iova, size) ? 0 : -ERANGE;
    while (!tree.covers(iova, size) || leafLevel > tree.topLevel) {
      const level = tree.topLevel + 1;
      if (level > tree.format.maxTopLevel) return -ERANGE;
      const root = tree.host.tables.allocTable(POWER[tree.format.granuleShift] as number);
      if (root === undefined) return -ENOMEM;
      tree.format.writeTable(tree.host.memory.words, tree.wordOf(root, 0), level, tree.root);
      tree.root = root;
      tree.topLevel = level;
      tree.addressBits = Math.min(64, tree.spanShift(level + 1));
    }
    return 0;
  }

  private writeLeaves(iova: number, phys: number, size: number, prot: number, result: MapResult): number {
    const { tree, sizes } = this;
    const { words } = tree.host.memory;
    let table = 0;
    let tableLevel = -1;
    /** Entry of `table` that is next, and how many it has. */
    let index = 0;
    let count = 0;
    while (result.mapped < size) {
      const at = iova + result.mapped;
      const to = phys + result.mapped;
      const shift = sizes.best(at, to, size - result.mapped);
      if (shift === 0) return -ENXIO;
      const level = sizes.levelOf(shift);
      if (level !== tableLevel || index >= count) {
        table = this.tableFor(at, level);
        if (table < 0) return table;
        tableLevel = level;
        index = tree.indexOf(at, level);
        count = tree.entryCount(level);
      }
      const entries = POWER[shift - tree.spanShift(level)] as number;
      const word = tree.wordOf(table, index);
      if (!this.makeRoom(table, index, entries, level)) return -EADDRINUSE;
      tree.format.writeLeaf(words, word, level, to, shift, prot);
      index += entries;
      result.mapped += POWER[shift] as number;
    }
    return 0;
  }

  /** The table of `level` on the way to `iova`, with new tables where none are; a negated errno where that fails. */
  private tableFor(iova: number, level: number): number {
    const { tree } = this;
    let table = tree.root;
    for (let above = tree.topLevel; above > level; above--) {
      const word = tree.wordOf(table, tree.indexOf(iova, above));
      const kind = tree.kindAt(word, above);
      if (kind === ENTRY_LEAF) return -EADDRINUSE;
      if (kind === ENTRY_TABLE) {
        table = tree.tableAt(word);
        continue;
      }
      const added = tree.addTable(word, above);
      if (added === undefined) return -ENOMEM;
      table = added;
    }
    return table;
  }

  /** `clear_contig()`: a leaf may take the place of empty tables, not of another leaf. */
  private makeRoom(table: number, index: number, entries: number, level: number): boolean {
    const { tree } = this;
    for (let each = index; each < index + entries; each++) {
      const word = tree.wordOf(table, each);
      const kind = tree.kindAt(word, level);
      if (kind === ENTRY_EMPTY) continue;
      if (kind === ENTRY_LEAF) return false;
      const below = tree.tableAt(word);
      if (tree.hasLeaf(below, level - 1)) return false;
      tree.collectTables(below, level - 1, this.replaced);
      this.replaced.push(below);
      tree.clear(word, 1);
    }
    return true;
  }

  /** The walk caches may know the replaced tables: they are flushed before the pages are free. */
  private freeReplaced(iova: number, size: number): void {
    if (this.replaced.length === 0) return;
    const { host, format } = this.tree;
    host.flushWalk(iova, size, POWER[format.granuleShift] as number);
    for (const table of this.replaced) host.tables.freeTable(table);
    this.replaced = [];
  }
}
