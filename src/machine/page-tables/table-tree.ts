import { WORD_SIZE, type WordBus } from '../memory/physical-memory.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE, type EntryFormat } from './formats/entry-format.ts';
import { IOMMU_READ, IOMMU_WRITE, type PageTableHost, type WalkEntry } from './page-table.ts';
import { ADDRESS_SPACE, alignDown, INVERSE_POWER, POWER } from './powers.ts';

/** Bytes of an entry; all formats have 64-bit entries. */
const ENTRY_SIZE = 8;
const WORDS_PER_ENTRY = ENTRY_SIZE / WORD_SIZE;

/** Which IOVAs a tree of tables translates. */
export interface TableShape {
  readonly format: EntryFormat;
  /** Bits of an IOVA that the tables cover; the root is as large as the rest of them needs. */
  readonly addressBits: number;
  /** Level of the root, counted from the leaves. */
  readonly topLevel: number;
  /** IOVAs are sign-extended: the upper half lies at the end of the 64-bit space. Needs full tables. */
  readonly isSignExtended?: boolean;
}

/**
 * The tables of one domain in simulated memory, as a tree of entries: what software and hardware have in common,
 * whatever the rules are by which entries come and go.
 */
export class TableTree {
  readonly format: EntryFormat;
  readonly host: PageTableHost;
  readonly isSignExtended: boolean;
  addressBits: number;
  /** Physical address of the root. */
  root: number;
  topLevel: number;
  /** Size of the leaf that {@link leafFor} has found last. */
  private foundShift = 0;

  /** @throws Error where there is no memory for a root */
  constructor(host: PageTableHost, shape: TableShape) {
    this.host = host;
    this.format = shape.format;
    this.addressBits = shape.addressBits;
    this.topLevel = shape.topLevel;
    this.isSignExtended = shape.isSignExtended ?? false;
    const root = host.tables.allocTable(this.rootSize());
    if (root === undefined) throw new Error('out of memory: no page for the root of a page table');
    this.root = root;
  }

  /** Base-2 logarithm of the bytes that an entry of `level` spans. */
  spanShift(level: number): number {
    return this.format.granuleShift + level * this.format.indexBits;
  }

  /** Entries of a table: the root may have fewer, or, with Arm's concatenated tables, more. */
  entryCount(level: number): number {
    if (level < this.topLevel) return 1 << this.format.indexBits;
    return POWER[Math.max(0, this.addressBits - this.spanShift(level))] as number;
  }

  /** Index of the entry for `iova` in a table of `level`. */
  indexOf(iova: number, level: number): number {
    // The bitwise "and" takes the whole part modulo 2^32, which keeps every bit of an index.
    return (iova * (INVERSE_POWER[this.spanShift(level)] as number)) & (this.entryCount(level) - 1);
  }

  /** Index in `memory.words` of the low word of entry `index`. */
  wordOf(table: number, index: number): number {
    return table / WORD_SIZE + index * WORDS_PER_ENTRY;
  }

  kindAt(word: number, level: number): number {
    const { words } = this.host.memory;
    return this.format.kind(words[word] as number, words[word + 1] as number, level);
  }

  tableAt(word: number): number {
    const { words } = this.host.memory;
    return this.format.tableAddress(words[word] as number, words[word + 1] as number);
  }

  leafShiftAt(word: number, level: number): number {
    const { words } = this.host.memory;
    return this.format.leafShift(words[word] as number, words[word + 1] as number, level);
  }

  /** Clears `count` entries from the word on. */
  clear(word: number, count: number): void {
    this.host.memory.words.fill(0, word, word + count * WORDS_PER_ENTRY);
  }

  /** Whether every byte of `[iova, iova + size)` can be translated at all. */
  covers(iova: number, size: number): boolean {
    const half = POWER[this.addressBits - 1] as number;
    if (!this.isSignExtended) return iova + size <= half * 2;
    return iova + size <= half || (iova >= ADDRESS_SPACE - half && iova + size <= ADDRESS_SPACE);
  }

  /** Allocates a table below an empty entry. @returns its address, or `undefined` without memory */
  addTable(word: number, level: number): number | undefined {
    const table = this.host.tables.allocTable(ENTRY_SIZE << this.format.indexBits);
    if (table !== undefined) this.format.writeTable(this.host.memory.words, word, level, table);
    return table;
  }

  /** `iommu_iova_to_phys()`: 0 where nothing translates. */
  iovaToPhys(iova: number): number {
    const leaf = this.leafFor(iova);
    return leaf < 0 ? 0 : leaf + iova - alignDown(iova, this.foundShift);
  }

  /** First byte of the leaf that translates `iova`, or -1. */
  leafFor(iova: number): number {
    if (!this.covers(iova, 1)) return -1;
    const { words } = this.host.memory;
    let table = this.root;
    for (let level = this.topLevel; ; level--) {
      const word = this.wordOf(table, this.indexOf(iova, level));
      const low = words[word] as number;
      const high = words[word + 1] as number;
      const kind = this.format.kind(low, high, level);
      if (kind === ENTRY_EMPTY) return -1;
      if (kind === ENTRY_LEAF) {
        this.foundShift = this.format.leafShift(low, high, level);
        return this.format.leafAddress(low, high);
      }
      table = this.format.tableAddress(low, high);
    }
  }

  /** Appends every table below `table` to `out`, the deepest last, whatever they map. */
  collectTables(table: number, level: number, out: number[]): void {
    if (level === 0) return;
    const count = this.entryCount(level);
    for (let index = 0; index < count; index++) {
      const word = this.wordOf(table, index);
      if (this.kindAt(word, level) !== ENTRY_TABLE) continue;
      const below = this.tableAt(word);
      out.push(below);
      this.collectTables(below, level - 1, out);
    }
  }

  /** Whether any entry at or below the table translates. */
  hasLeaf(table: number, level: number): boolean {
    const count = this.entryCount(level);
    for (let index = 0; index < count; index++) {
      const word = this.wordOf(table, index);
      const kind = this.kindAt(word, level);
      if (kind === ENTRY_LEAF) return true;
      if (kind === ENTRY_TABLE && this.hasLeaf(this.tableAt(word), level - 1)) return true;
    }
    return false;
  }

  /** Frees every table, the root too. The caller has made sure that no hardware walks them. */
  destroy(): void {
    const tables = [this.root];
    this.collectTables(this.root, this.topLevel, tables);
    for (const table of tables) this.host.tables.freeTable(table);
  }

  /** Reads one entry as hardware does: from wherever `table` is by now. */
  readEntry(bus: WordBus, table: number, level: number, iova: number, into: WalkEntry): void {
    const { format } = this;
    const entry = table + this.indexOf(iova, level) * ENTRY_SIZE;
    const low = bus.read(entry);
    const high = bus.read(entry + WORD_SIZE);
    const kind = this.covers(iova, 1) ? format.kind(low, high, level) : ENTRY_EMPTY;
    const shift = kind === ENTRY_LEAF ? format.leafShift(low, high, level) : this.spanShift(level);
    const access = format.access(low, high, level);
    into.entry = entry;
    into.iova = alignDown(iova, shift);
    into.size = POWER[shift] as number;
    into.kind = kind === ENTRY_LEAF ? 'leaf' : kind === ENTRY_TABLE ? 'table' : 'none';
    into.phys = kind === ENTRY_LEAF ? format.leafAddress(low, high) : format.tableAddress(low, high);
    into.nextLevel = level - 1;
    into.readable = (access & IOMMU_READ) !== 0;
    into.writable = (access & IOMMU_WRITE) !== 0;
  }

  /** Sets accessed and dirty bits as hardware does: only what is not set yet is written. */
  setAccessed(bus: WordBus, walked: Readonly<WalkEntry>, isWrite: boolean): void {
    const bits = this.format.usedBits(walked.kind === 'leaf', isWrite);
    const low = bus.read(walked.entry);
    if ((low & bits) !== bits) bus.write(walked.entry, (low | bits) >>> 0);
  }

  private rootSize(): number {
    return Math.max(ENTRY_SIZE * this.entryCount(this.topLevel), 64);
  }
}
