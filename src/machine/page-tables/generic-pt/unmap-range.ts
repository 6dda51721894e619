import { ENTRY_EMPTY, ENTRY_LEAF } from '../formats/entry-format.ts';
import { ADDRESS_SPACE, alignDown, INVERSE_POWER, isAligned, POWER } from '../powers.ts';
import type { TableTree } from '../table-tree.ts';

/** `unmap_range()` of drivers/iommu/generic_pt/iommu_pt.h, Linux 7.2. */
export class RangeUnmapper {
  /** Tables that the last call took out of the tree, in the order in which it did; taken over by the caller. */
  removed: number[] = [];
  private readonly tree: TableTree;
  private unmapped = 0;

  constructor(tree: TableTree) {
    this.tree = tree;
  }

  /** @returns bytes that are gone from `iova` on: more than `size` where the range ends within a leaf */
  unmap(iova: number, size: number): number {
    this.removed = [];
    this.unmapped = 0;
    if (size === 0 || iova + size > ADDRESS_SPACE || !this.tree.covers(iova, size)) return 0;
    this.unmapIn(this.tree.root, this.tree.topLevel, iova, iova + size);
    return this.unmapped;
  }

  /** `__unmap_range()` of one table. @returns whether the range was unmapped to its end */
  private unmapIn(table: number, level: number, start: number, end: number): boolean {
    const { tree } = this;
    const spanShift = tree.spanShift(level);
    const span = POWER[spanShift] as number;
    const base = alignDown(start, spanShift);
    const first = tree.indexOf(start, level);
    const wanted = first + Math.ceil((end - base) * (INVERSE_POWER[spanShift] as number));
    const last = Math.min(wanted, tree.entryCount(level));

    for (let index = first; index < last; ) {
      const word = tree.wordOf(table, index);
      const kind = tree.kindAt(word, level);
      if (kind === ENTRY_EMPTY) return false;
      if (kind === ENTRY_LEAF) {
        const shift = tree.leafShiftAt(word, level);
        // Only the first entry can be in the middle of a leaf (-EINVAL).
        if (index === first && !isAligned(start, shift)) return false;
        const entries = POWER[shift - spanShift] as number;
        tree.clear(word, entries);
        this.unmapped += POWER[shift] as number;
        index += entries;
        continue;
      }
      const from = base + (index - first) * span;
      if (!this.unmapTable(word, level, from, span, start, end)) return false;
      index++;
    }
    return true;
  }

  /** Unmaps below an entry; if the range covers all that the entry spans, the table goes too. */
  private unmapTable(
    word: number,
    level: number,
    from: number,
    span: number,
    start: number,
    end: number,
  ): boolean {
    const below = this.tree.tableAt(word);
    if (!this.unmapIn(below, level - 1, Math.max(from, start), Math.min(from + span, end))) return false;
    if (start <= from && end >= from + span) {
      this.removed.push(below);
      this.tree.clear(word, 1);
    }
    return true;
  }
}
