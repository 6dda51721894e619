import { IOMMU_READ, IOMMU_WRITE } from '../page-table.ts';
import { entryAddress, highWord, lowWord } from './address-bits.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE, type EntryFormat } from './entry-format.ts';

/*
 * Intel Virtualization Technology for Directed I/O, section 3.7 "Second-Stage Translation" and section 9.8
 * "Second-Stage Paging Entries"; `VTDSS_FMT_*` in drivers/iommu/generic_pt/fmt/vtdss.h. All in the low word.
 */
/** Bit 0, R: reads are allowed. There is no present bit: an entry with neither R nor W is not present. */
const VTDSS_R = 1 << 0;
/** Bit 1, W: writes are allowed. */
const VTDSS_W = 1 << 1;
/** Bit 7, PS: this directory entry is a leaf. */
const VTDSS_PS = 1 << 7;
/** Bit 8, A: accessed; set by hardware where the PASID entry has second-stage A/D enabled. */
const VTDSS_A = 1 << 8;
/** Bit 9, D: dirty. */
const VTDSS_D = 1 << 9;

/** SS-PTE, SS-PDE and SS-PDPTE can be leaves: 4 KiB, 2 MiB, 1 GiB. */
const LEAF_SHIFTS: readonly (readonly number[])[] = [[12], [21], [30]];
const NO_LEAVES: readonly number[] = [];

/** Intel VT-d, second stage: what an Intel IOMMU uses for DMA without scalable-mode first stage. */
export const VTD_SECOND_STAGE: EntryFormat = {
  granuleShift: 12,
  indexBits: 9,
  maxTopLevel: 4,
  outputBits: 52,

  leafShifts: level => LEAF_SHIFTS[level] ?? NO_LEAVES,
  kind(low, _high, level) {
    if (!(low & (VTDSS_R | VTDSS_W))) return ENTRY_EMPTY;
    if (level === 0) return ENTRY_LEAF;
    if (!(low & VTDSS_PS)) return ENTRY_TABLE;
    // Reserved above the SS-PDPTE: a fault.
    return level <= 2 ? ENTRY_LEAF : ENTRY_EMPTY;
  },
  tableAddress: entryAddress,
  leafAddress: entryAddress,
  leafShift: (_low, _high, level) => 12 + 9 * level,
  access: low => (low & VTDSS_R ? IOMMU_READ : 0) | (low & VTDSS_W ? IOMMU_WRITE : 0),

  writeTable(words, word, _level, address) {
    words[word + 1] = highWord(address);
    words[word] = lowWord(address) | VTDSS_R | VTDSS_W;
  },
  writeLeaf(words, word, level, address, _shift, prot) {
    const access = (prot & IOMMU_READ ? VTDSS_R : 0) | (prot & IOMMU_WRITE ? VTDSS_W : 0);
    words[word + 1] = highWord(address);
    words[word] = lowWord(address) | access | (level > 0 ? VTDSS_PS : 0);
  },
  usedBits: (isLeaf, isWrite) => VTDSS_A | (isLeaf && isWrite ? VTDSS_D : 0),
};
