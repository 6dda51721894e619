/** What an entry of a page table is, as {@link EntryFormat.kind} answers. */
export const ENTRY_EMPTY = 0;
/** Refers to a table of the next level. */
export const ENTRY_TABLE = 1;
/** Translates. */
export const ENTRY_LEAF = 2;

/**
 * The bits of one page-table format: how its 64-bit entries are read and written.
 *
 * An entry is handled as two 32-bit words, `low` and `high`, so that no BigInt is made. Levels are counted from the
 * leaves upwards, as in the kernel's generic_pt: level 0 holds pages, Arm's level 3 is level 0 here. Addresses are
 * bytes in a float64; a `shift` is the base-2 logarithm of a size in bytes.
 */
export interface EntryFormat {
  /** Size of a page of level 0: 12 for 4 KiB. */
  readonly granuleShift: number;
  /** Index bits per level: a table has `2 ** indexBits` entries of 8 bytes and is as large as a granule. */
  readonly indexBits: number;
  /** The highest level that a table can start at. */
  readonly maxTopLevel: number;
  /** Bits of an output address. */
  readonly outputBits: number;

  /** Sizes that a leaf of this level can have, as shifts in ascending order; several where entries join. */
  leafShifts(level: number): readonly number[];
  /**
   * {@link ENTRY_EMPTY}, {@link ENTRY_TABLE} or {@link ENTRY_LEAF}: what hardware sees, which is empty for what it
   * would report as a malformed entry.
   */
  kind(low: number, high: number, level: number): number;
  /** Where the table of the next level is. */
  tableAddress(low: number, high: number): number;
  /** First byte that the leaf translates to; of joined entries, that of the whole. */
  leafAddress(low: number, high: number): number;
  /** Size of the leaf; of joined entries, that of the whole. */
  leafShift(low: number, high: number, level: number): number;
  /** What the entry allows, `IOMMU_READ` and `IOMMU_WRITE`: a walk allows what every entry on its way does. */
  access(low: number, high: number, level: number): number;

  /** Writes an entry that refers to a table of `level - 1`. `word` is the index of the entry's low word. */
  writeTable(words: Uint32Array, word: number, level: number, address: number): void;
  /** Writes a leaf; joined entries are all written. `prot` is the `IOMMU_*` mask. */
  writeLeaf(
    words: Uint32Array,
    word: number,
    level: number,
    address: number,
    shift: number,
    prot: number,
  ): void;
  /** Bits that hardware sets in the low word of an entry that it uses: accessed, and dirty in a leaf written through. */
  usedBits(isLeaf: boolean, isWrite: boolean): number;
}
