import { EEXIST, EINVAL, ENOMEM, ERANGE } from '../../errno.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../formats/entry-format.ts';
import type { PageSizes } from '../page-sizes.ts';
import { IOMMU_READ, IOMMU_WRITE, type MapResult } from '../page-table.ts';
import { log2Floor, POWER } from '../powers.ts';
import type { TableTree } from '../table-tree.ts';

/** What a map needs of the unmap: to take a table away whose place a block takes. */
export type RemoveTable = (word: number, level: number, iova: number) => void;

/** `arm_lpae_map_pages()` and `arm_lpae_init_pte()` of drivers/iommu/io-pgtable-arm.c, Linux 7.2. */
export class LpaeMapper {
  private readonly tree: TableTree;
  private readonly sizes: PageSizes;
  private readonly removeTable: RemoveTable;
  private readonly isQuiet: boolean;

  constructor(tree: TableTree, sizes: PageSizes, removeTable: RemoveTable, isQuiet: boolean) {
    this.tree = tree;
    this.sizes = sizes;
    this.removeTable = removeTable;
    this.isQuiet = isQuiet;
  }

  /** Maps up to the end of the table that the first page lies in; the core calls again for the rest. */
  map(
    iova: number,
    phys: number,
    pageSize: number,
    pageCount: number,
    prot: number,
    result: MapResult,
  ): void {
    result.mapped = 0;
    result.error = this.mapRun(iova, phys, pageSize, pageCount, prot, result);
  }

  private mapRun(
    iova: number,
    phys: number,
    pageSize: number,
    pageCount: number,
    prot: number,
    result: MapResult,
  ): number {
    const { tree } = this;
    const { log } = tree.host;
    const level = this.sizes.levelOf(log2Floor(pageSize));
    if (level < 0 || (POWER[log2Floor(pageSize)] as number) !== pageSize) {
      log.warn('arm_lpae_map_pages', `${pageSize} is not a page size of this table`);
      return -EINVAL;
    }
    if (!tree.covers(iova, 1) || phys >= (POWER[tree.format.outputBits] as number)) {
      log.warn('arm_lpae_map_pages', 'an address beyond what the table can translate');
      return -ERANGE;
    }
    if (!(prot & (IOMMU_READ | IOMMU_WRITE))) return -EINVAL;
    const table = this.tableFor(iova, level);
    if (table < 0) return table;
    const index = tree.indexOf(iova, level);
    const count = Math.min(pageCount, tree.entryCount(level) - index);
    const error = this.makeRoom(table, index, count, level, iova, pageSize);
    if (error !== 0) return error;
    const { words } = tree.host.memory;
    const shift = log2Floor(pageSize);
    for (let each = 0; each < count; each++) {
      const word = tree.wordOf(table, index + each);
      tree.format.writeLeaf(words, word, level, phys + each * pageSize, shift, prot);
    }
    result.mapped = count * pageSize;
    return 0;
  }

  /** The table of `level` on the way to `iova`, with new tables where none are; a negated errno where that fails. */
  private tableFor(iova: number, level: number): number {
    const { tree } = this;
    let table = tree.root;
    for (let above = tree.topLevel; above > level; above--) {
      const word = tree.wordOf(table, tree.indexOf(iova, above));
      const kind = tree.kindAt(word, above);
      if (kind === ENTRY_LEAF) return this.refuse();
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

  /** A leaf is not replaced; a table is, with whatever it maps and without a word to anybody. */
  private makeRoom(
    table: number,
    index: number,
    count: number,
    level: number,
    iova: number,
    pageSize: number,
  ): number {
    for (let each = 0; each < count; each++) {
      const word = this.tree.wordOf(table, index + each);
      const kind = this.tree.kindAt(word, level);
      if (kind === ENTRY_LEAF) return this.refuse();
      if (kind !== ENTRY_EMPTY) this.removeTable(word, level, iova + each * pageSize);
    }
    return 0;
  }

  private refuse(): number {
    if (!this.isQuiet) this.tree.host.log.warn('arm_lpae_init_pte', 'a mapping is there already');
    return -EEXIST;
  }
}
