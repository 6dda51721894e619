import type { ArmLpaeFormat } from '../formats/arm-lpae.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE } from '../formats/entry-format.ts';
import { gatherRange, type IotlbGather, isDisjoint } from '../iotlb-gather.ts';
import type { PageSizes } from '../page-sizes.ts';
import { log2Floor, POWER } from '../powers.ts';
import type { TableTree } from '../table-tree.ts';

/**
 * What an unmap of a part of a block does: `refuse` as since Linux 6.13 (33729a5fc0ca "Remove split on unmap
 * behavior"), or `split` the block into a table of smaller pages, as before.
 */
export type PartialUnmap = 'refuse' | 'split';

/** `__arm_lpae_unmap()` and, as it was, `arm_lpae_split_blk_unmap()` of drivers/iommu/io-pgtable-arm.c. */
export class LpaeUnmapper {
  private readonly tree: TableTree;
  private readonly format: ArmLpaeFormat;
  private readonly sizes: PageSizes;
  private readonly partialUnmap: PartialUnmap;
  private readonly isQuiet: boolean;

  constructor(
    tree: TableTree,
    format: ArmLpaeFormat,
    sizes: PageSizes,
    partialUnmap: PartialUnmap,
    isQuiet: boolean,
  ) {
    this.tree = tree;
    this.format = format;
    this.sizes = sizes;
    this.partialUnmap = partialUnmap;
    this.isQuiet = isQuiet;
  }

  /** Unmaps up to the end of the table that the first page lies in; the core calls again for the rest. */
  unmap(iova: number, pageSize: number, pageCount: number, gather: IotlbGather): number {
    const { tree } = this;
    const shift = log2Floor(pageSize);
    const target = this.sizes.levelOf(shift);
    if (target < 0 || (POWER[shift] as number) !== pageSize || pageCount <= 0) {
      tree.host.log.warn('arm_lpae_unmap_pages', `${pageSize} is not a page size of this table`);
      return 0;
    }
    if (!tree.covers(iova, 1)) {
      tree.host.log.warn('arm_lpae_unmap_pages', 'an IOVA beyond what the table can translate');
      return 0;
    }
    let table = tree.root;
    for (let level = tree.topLevel; level > target; level--) {
      const word = tree.wordOf(table, tree.indexOf(iova, level));
      const kind = tree.kindAt(word, level);
      if (kind === ENTRY_EMPTY) return this.nothingThere();
      if (kind === ENTRY_LEAF) {
        if (this.partialUnmap === 'refuse') {
          tree.host.log.warnOnce('__arm_lpae_unmap', 'Unmap of a partial large IOPTE is not allowed');
          return 0;
        }
        const done = this.split(word, level, iova, target, pageCount, gather);
        if (done !== undefined) return done;
      }
      table = tree.tableAt(word);
    }
    return this.clearRun(table, target, iova, pageSize, pageCount, gather);
  }

  /** Takes a table out with all that is below it: the walk caches are flushed and the pages freed at once. */
  removeTable(word: number, level: number, iova: number): void {
    const { tree } = this;
    const below = tree.tableAt(word);
    tree.clear(word, 1);
    const span = POWER[tree.spanShift(level)] as number;
    tree.host.flushWalk(iova, span, POWER[tree.format.granuleShift] as number);
    const tables = [below];
    tree.collectTables(below, level - 1, tables);
    for (let each = tables.length - 1; each >= 0; each--) tree.host.tables.freeTable(tables[each] as number);
  }

  private clearRun(
    table: number,
    level: number,
    iova: number,
    pageSize: number,
    pageCount: number,
    gather: IotlbGather,
  ): number {
    const { tree } = this;
    const index = tree.indexOf(iova, level);
    const count = Math.min(pageCount, tree.entryCount(level) - index);
    let done = 0;
    for (; done < count; done++) {
      const word = tree.wordOf(table, index + done);
      const kind = tree.kindAt(word, level);
      if (kind === ENTRY_EMPTY) {
        this.nothingThere();
        break;
      }
      if (kind === ENTRY_TABLE) this.removeTable(word, level, iova + done * pageSize);
    }
    tree.clear(tree.wordOf(table, index), done);
    this.gatherPages(iova, pageSize, done, gather);
    return done * pageSize;
  }

  /**
   * Replaces a block by a table of the next level, without the pages that are to go where these are of that level.
   *
   * @returns bytes unmapped, or `undefined` where the unmap goes on one level below
   */
  private split(
    word: number,
    level: number,
    iova: number,
    target: number,
    pageCount: number,
    gather: IotlbGather,
  ): number | undefined {
    const { tree, format } = this;
    const { words } = tree.host.memory;
    const low = words[word] as number;
    const high = words[word + 1] as number;
    const block = format.leafAddress(low, high);
    const table = tree.addTable(word, level);
    if (table === undefined) return 0;
    const below = level - 1;
    const pageSize = POWER[tree.spanShift(below)] as number;
    const count = tree.entryCount(below);
    const from = below === target ? tree.indexOf(iova, below) : count;
    const to = Math.min(count, from + pageCount);
    for (let index = 0; index < count; index++) {
      if (index >= from && index < to) continue;
      format.writeLeafLike(words, tree.wordOf(table, index), below, block + index * pageSize, low, high);
    }
    if (below !== target) return undefined;
    this.gatherPages(iova, pageSize, to - from, gather);
    return (to - from) * pageSize;
  }

  /** `iommu_iotlb_gather_add_page()` for each: a gather holds adjacent pages of one size. */
  private gatherPages(iova: number, pageSize: number, count: number, gather: IotlbGather): void {
    if (count === 0 || gather.queued) return;
    const otherSize = gather.pageSize !== 0 && gather.pageSize !== pageSize;
    if (otherSize || isDisjoint(gather, iova, pageSize)) this.tree.host.syncGather(gather);
    gather.pageSize = pageSize;
    gatherRange(gather, iova, count * pageSize);
  }

  private nothingThere(): number {
    if (!this.isQuiet) this.tree.host.log.warn('__arm_lpae_unmap', 'nothing is mapped there');
    return 0;
  }
}
