import { IOMMU_READ, IOMMU_WRITE } from '../page-table.ts';
import { entryAddress, highWord, lowWord } from './address-bits.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE, type EntryFormat } from './entry-format.ts';

/*
 * Intel SDM volume 3, section 4.5 "4-Level Paging and 5-Level Paging"; VT-d specification, section 9.7
 * "First-Stage Paging Entries"; AMD IOMMU specification, section 2.2.6; `X86_64_FMT_*` in
 * drivers/iommu/generic_pt/fmt/x86_64.h. The CPU's own tables have the same bits (`_PAGE_*` in
 * arch/x86/include/asm/pgtable_types.h). All in the low word but XD.
 */
/** Bit 0, P: present. */
export const X86_P = 1 << 0;
/** Bit 1, R/W: writes are allowed. */
export const X86_RW = 1 << 1;
/** Bit 2, U/S: user accesses are allowed; all requests of a device are user accesses unless it asks otherwise. */
export const X86_US = 1 << 2;
/** Bit 5, A: accessed, set by whoever walks through the entry. */
export const X86_A = 1 << 5;
/** Bit 6, D: dirty, set by whoever writes through the leaf. */
export const X86_D = 1 << 6;
/** Bit 7, PS: this directory entry is a leaf. */
export const X86_PS = 1 << 7;
/** Bit 8, G: global; survives a switch of the CPU's address space. Kernel leaves have it. */
export const X86_G = 1 << 8;

const LEAF_SHIFTS: readonly (readonly number[])[] = [[12], [21], [30]];
const NO_LEAVES: readonly number[] = [];

/** x86-64 page tables: Intel's first stage, AMD's v2, and what a device walks under SVA. */
export const X86_FIRST_STAGE: EntryFormat = {
  granuleShift: 12,
  indexBits: 9,
  maxTopLevel: 4,
  outputBits: 52,

  leafShifts: level => LEAF_SHIFTS[level] ?? NO_LEAVES,
  kind(low, _high, level) {
    if (!(low & X86_P)) return ENTRY_EMPTY;
    if (level === 0) return ENTRY_LEAF;
    if (!(low & X86_PS)) return ENTRY_TABLE;
    // Reserved above the PDPTE: a fault.
    return level <= 2 ? ENTRY_LEAF : ENTRY_EMPTY;
  },
  tableAddress: entryAddress,
  leafAddress: entryAddress,
  leafShift: (_low, _high, level) => 12 + 9 * level,
  access: low => (low & X86_US ? IOMMU_READ | (low & X86_RW ? IOMMU_WRITE : 0) : 0),

  writeTable(words, word, _level, address) {
    words[word + 1] = highWord(address);
    words[word] = lowWord(address) | X86_P | X86_RW | X86_US | X86_A;
  },
  writeLeaf(words, word, level, address, _shift, prot) {
    // The kernel sets A and D itself for mappings of the DMA API, so that hardware need not.
    const access = X86_US | X86_A | (prot & IOMMU_WRITE ? X86_RW | X86_D : 0);
    words[word + 1] = highWord(address);
    words[word] = lowWord(address) | X86_P | access | (level > 0 ? X86_PS : 0);
  },
  usedBits: (isLeaf, isWrite) => X86_A | (isLeaf && isWrite ? X86_D : 0),
};
