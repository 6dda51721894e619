import { IOMMU_READ, IOMMU_WRITE } from '../page-table.ts';
import { ADDRESS_HIGH, ADDRESS_LOW, entryAddress, highWord, lowWord } from './address-bits.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE, type EntryFormat } from './entry-format.ts';

/*
 * AMD I/O Virtualization Technology (IOMMU) Specification, section 2.2.3 "I/O Page Tables for Host Translations";
 * `AMDV1PT_FMT_*` in drivers/iommu/generic_pt/fmt/amdv1.h.
 */
/** Bit 0, PR: present. Low word. */
const AMDV1_PR = 1 << 0;
/** Bit 6, D: dirty. Low word. */
const AMDV1_D = 1 << 6;
/** Bit 5, A: accessed. Low word; set only where the device table entry enables host access tracking. */
const AMDV1_A = 1 << 5;
/** Bits 11 to 9, Next Level: level of the table that the entry refers to, or one of the two values below. */
const AMDV1_NEXT_LEVEL_SHIFT = 9;
const AMDV1_NEXT_LEVEL_MASK = 7 << AMDV1_NEXT_LEVEL_SHIFT;
/** Next Level 0: a leaf of the size that entries of this level have. */
const AMDV1_NL_DEFAULT = 0;
/** Next Level 7: a leaf whose size is coded in the address, as the position of its lowest zero from bit 12 on. */
const AMDV1_NL_SIZE = 7;
/** Bit 61, IR: reads are allowed. High word. Of all levels, and with the leaf's. */
const AMDV1_IR = 1 << (61 - 32);
/** Bit 62, IW: writes are allowed. High word. */
const AMDV1_IW = 1 << (62 - 32);

/** The top level of a full 64-bit table has no leaves (Table 15, "Page Table Level Parameters"). */
const MAX_TOP_LEVEL = 5;
/** The largest leaf: address bits 51 to 12 code up to 2^51 (Table 14, "Example Page Size Encodings"). */
const MAX_LEAF_SHIFT = 51;
/** 512 GiB pages are left out because of a hardware bug (amd_iommu_types.h, `AMD_IOMMU_PGSIZES_512G`). */
const SHIFT_512G = 39;

const LEAF_SHIFTS: readonly (readonly number[])[] = Array.from({ length: MAX_TOP_LEVEL }, (_, level) => {
  const first = 12 + 9 * level;
  const shifts: number[] = [];
  for (let shift = first; shift <= Math.min(first + 8, MAX_LEAF_SHIFT); shift++) {
    if (shift !== SHIFT_512G) shifts.push(shift);
  }
  return shifts;
});
const NO_LEAVES: readonly number[] = [];

function nextLevel(low: number): number {
  return (low & AMDV1_NEXT_LEVEL_MASK) >>> AMDV1_NEXT_LEVEL_SHIFT;
}

/**
 * Size of a leaf with {@link AMDV1_NL_SIZE}: a page of 2^s bytes has ones in address bits 12 to s - 2, and a zero in
 * bit s - 1.
 */
function codedShift(low: number, high: number): number {
  const zerosLow = ~low & ADDRESS_LOW;
  if (zerosLow !== 0) return 32 - Math.clz32(zerosLow & -zerosLow);
  const zerosHigh = ~high & ADDRESS_HIGH;
  return 64 - Math.clz32(zerosHigh & -zerosHigh);
}

/** AMD IOMMU v1: pages of every power of two, by joining equal entries. */
export const AMD_V1: EntryFormat = {
  granuleShift: 12,
  indexBits: 9,
  maxTopLevel: MAX_TOP_LEVEL,
  outputBits: 52,

  leafShifts: level => LEAF_SHIFTS[level] ?? NO_LEAVES,
  kind(low, _high, level) {
    if (!(low & AMDV1_PR)) return ENTRY_EMPTY;
    const next = nextLevel(low);
    if (level === 0 || next === AMDV1_NL_DEFAULT || next === AMDV1_NL_SIZE) return ENTRY_LEAF;
    // Hardware would let a table skip levels; Linux never does, and a higher level is a fault.
    return next === level ? ENTRY_TABLE : ENTRY_EMPTY;
  },
  tableAddress: entryAddress,
  leafAddress(low, high) {
    const address = entryAddress(low, high);
    if (nextLevel(low) !== AMDV1_NL_SIZE) return address;
    const size = 2 ** codedShift(low, high);
    return Math.floor(address / size) * size;
  },
  leafShift: (low, high, level) =>
    nextLevel(low) === AMDV1_NL_SIZE ? codedShift(low, high) : 12 + 9 * level,
  access: (_low, high) => (high & AMDV1_IR ? IOMMU_READ : 0) | (high & AMDV1_IW ? IOMMU_WRITE : 0),

  writeTable(words, word, level, address) {
    words[word + 1] = highWord(address) | AMDV1_IR | AMDV1_IW;
    words[word] = lowWord(address) | AMDV1_PR | (level << AMDV1_NEXT_LEVEL_SHIFT);
  },
  writeLeaf(words, word, level, address, shift, prot) {
    const access = (prot & IOMMU_READ ? AMDV1_IR : 0) | (prot & IOMMU_WRITE ? AMDV1_IW : 0);
    const ownShift = 12 + 9 * level;
    if (shift === ownShift) {
      words[word + 1] = highWord(address) | access;
      words[word] = lowWord(address) | AMDV1_PR | (AMDV1_NL_DEFAULT << AMDV1_NEXT_LEVEL_SHIFT);
      return;
    }
    // Ones in address bits 12 ... shift - 2, which are zero in an address aligned to 2^shift.
    const coded = address + 2 ** (shift - 1) - 2 ** 12;
    const high = highWord(coded) | access;
    const low = lowWord(coded) | AMDV1_PR | (AMDV1_NL_SIZE << AMDV1_NEXT_LEVEL_SHIFT);
    const end = word + 2 * 2 ** (shift - ownShift);
    for (let each = word; each < end; each += 2) {
      words[each + 1] = high;
      words[each] = low;
    }
  },
  usedBits: (isLeaf, isWrite) => AMDV1_A | (isLeaf && isWrite ? AMDV1_D : 0),
};
