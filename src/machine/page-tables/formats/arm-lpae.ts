import { IOMMU_READ, IOMMU_WRITE } from '../page-table.ts';
import { ADDRESS_HIGH, ADDRESS_LOW, addressOf, highWord, lowWord } from './address-bits.ts';
import { ENTRY_EMPTY, ENTRY_LEAF, ENTRY_TABLE, type EntryFormat } from './entry-format.ts';

/*
 * Arm Architecture Reference Manual for A-profile (DDI 0487), D8.3 "Translation table descriptor formats";
 * `ARM_LPAE_PTE_*` in drivers/iommu/io-pgtable-arm.c.
 */
/** Bits 1 to 0: descriptor type. Bit 0 clear is an invalid descriptor. Low word. */
const LPAE_TYPE_MASK = 3;
const LPAE_TYPE_BLOCK = 1;
/** A table where more levels follow, a page at the last one. */
const LPAE_TYPE_TABLE = 3;
const LPAE_TYPE_PAGE = 3;
/** Bits 4 to 2, AttrIndx (stage 1): which memory attributes of MAIR; `ARM_LPAE_MAIR_ATTR_IDX_*`. */
const LPAE_ATTRINDX_SHIFT = 2;
const LPAE_MAIR_NC = 0;
const LPAE_MAIR_CACHE = 1;
const LPAE_MAIR_DEVICE = 2;
/** Bit 6, AP[1] (stage 1): unprivileged accesses are allowed. */
const LPAE_AP_UNPRIV = 1 << 6;
/** Bit 7, AP[2] (stage 1): read-only. */
const LPAE_AP_RDONLY = 1 << 7;
/** Bits 5 to 2, MemAttr (stage 2): device, normal non-cacheable, or normal write-back. */
const LPAE_MEMATTR_DEVICE = 0x1 << 2;
const LPAE_MEMATTR_NC = 0x5 << 2;
const LPAE_MEMATTR_WRITE_BACK = 0xf << 2;
/** Bits 7 to 6, S2AP (stage 2): reads, writes. */
const LPAE_S2AP_READ = 1 << 6;
const LPAE_S2AP_WRITE = 2 << 6;
/** Bits 9 to 8, SH: inner shareable, outer shareable. */
const LPAE_SH_INNER = 3 << 8;
const LPAE_SH_OUTER = 2 << 8;
/** Bit 10, AF: access flag; set in software, so that the first access does not fault. */
const LPAE_AF = 1 << 10;
/** Bit 11, nG (stage 1): the translation belongs to an ASID. */
const LPAE_NG = 1 << 11;
/** Bits 11 to 2: all attributes in the low word (`ARM_LPAE_PTE_ATTR_LO_MASK`). */
const LPAE_ATTRIBUTES_LOW = 0x3ff << 2;
/** Bits 54 to 53, UXN and PXN (stage 1), XN (stage 2): no instruction fetches. High word. */
const LPAE_XN = 3 << (53 - 32);

/** `IOMMU_*` bits of `prot` beyond read and write, include/linux/iommu.h. */
const IOMMU_CACHE = 1 << 2;
const IOMMU_NOEXEC = 1 << 3;
const IOMMU_MMIO = 1 << 4;

/** Granules of the architecture: 4, 16 and 64 KiB. */
export type LpaeGranuleShift = 12 | 14 | 16;

/** Stage 1 is what the DMA API uses; stage 2 is for virtual machines on hardware without nesting. */
export type LpaeStage = 1 | 2;

/** Page and block sizes per granule (`arm_lpae_restrict_pgsizes()`), by level from the last one upwards. */
const LEAF_SHIFTS: Readonly<Record<LpaeGranuleShift, readonly (readonly number[])[]>> = {
  12: [[12], [21], [30]],
  14: [[14], [25]],
  // The 4 TiB block exists only with 52-bit addresses (FEAT_LPA).
  16: [[16], [29], [42]],
};
const NO_LEAVES: readonly number[] = [];

function stage1Attributes(prot: number): number {
  const readOnly = !(prot & IOMMU_WRITE) && prot & IOMMU_READ ? LPAE_AP_RDONLY : 0;
  const memory = prot & IOMMU_MMIO ? LPAE_MAIR_DEVICE : prot & IOMMU_CACHE ? LPAE_MAIR_CACHE : LPAE_MAIR_NC;
  return LPAE_AP_UNPRIV | LPAE_NG | readOnly | (memory << LPAE_ATTRINDX_SHIFT);
}

function stage2Attributes(prot: number): number {
  const access = (prot & IOMMU_READ ? LPAE_S2AP_READ : 0) | (prot & IOMMU_WRITE ? LPAE_S2AP_WRITE : 0);
  if (prot & IOMMU_MMIO) return access | LPAE_MEMATTR_DEVICE;
  return access | (prot & IOMMU_CACHE ? LPAE_MEMATTR_WRITE_BACK : LPAE_MEMATTR_NC);
}

/** The format of one granule and stage. */
export interface ArmLpaeFormat extends EntryFormat {
  /** Writes a leaf of `level` that has all attributes of a leaf of another level: for splitting a block. */
  writeLeafLike(
    words: Uint32Array,
    word: number,
    level: number,
    address: number,
    low: number,
    high: number,
  ): void;
}

/**
 * The Arm format of a granule and a stage. Addresses have 48 bits; with the 64 KiB granule they may have 52
 * (FEAT_LPA), of which descriptors hold bits 51 to 48 in their bits 15 to 12.
 */
export function armLpae(
  granuleShift: LpaeGranuleShift,
  stage: LpaeStage,
  outputBits: 48 | 52 = 48,
): ArmLpaeFormat {
  const indexBits = granuleShift - 3;
  const has52Bits = outputBits === 52;
  if (has52Bits && granuleShift !== 16) throw new RangeError('52-bit addresses need the 64 KiB granule');
  const leafShifts = LEAF_SHIFTS[granuleShift].slice(0, has52Bits ? 3 : granuleShift === 16 ? 2 : undefined);
  /** Address bits 31 to the granule. */
  const addressLow = ADDRESS_LOW << (granuleShift - 12);
  const addressHigh = has52Bits ? 0xffff : ADDRESS_HIGH & 0xffff;
  const attributesOf = stage === 1 ? stage1Attributes : stage2Attributes;

  const outputAddress = (low: number, high: number): number => {
    const top = has52Bits ? ((low >>> 12) & 0xf) << 16 : 0;
    return addressOf(low & addressLow, (high & addressHigh) | top);
  };

  /** Bits 15 to 12 of a descriptor that has 52-bit addresses. */
  const topBits = (high: number): number => (has52Bits ? ((high >>> 16) & 0xf) << 12 : 0);

  return {
    granuleShift,
    indexBits,
    // Four levels at most: Arm's level 0 is level 3 here.
    maxTopLevel: 3,
    outputBits,

    leafShifts: level => leafShifts[level] ?? NO_LEAVES,
    kind(low, _high, level) {
      // Hardware asks for bit 0, the kernel's code for an entry that is not 0: the same for entries that it wrote.
      const type = low & LPAE_TYPE_MASK;
      if (level === 0) return type === LPAE_TYPE_PAGE ? ENTRY_LEAF : ENTRY_EMPTY;
      if (type === LPAE_TYPE_TABLE) return ENTRY_TABLE;
      return type === LPAE_TYPE_BLOCK && level < leafShifts.length ? ENTRY_LEAF : ENTRY_EMPTY;
    },
    tableAddress: outputAddress,
    leafAddress: outputAddress,
    leafShift: (_low, _high, level) => granuleShift + level * indexBits,
    access(low, _high, level) {
      const isTable = level > 0 && (low & LPAE_TYPE_MASK) === LPAE_TYPE_TABLE;
      if (isTable) return IOMMU_READ | IOMMU_WRITE;
      if (stage === 2)
        return (low & LPAE_S2AP_READ ? IOMMU_READ : 0) | (low & LPAE_S2AP_WRITE ? IOMMU_WRITE : 0);
      return low & LPAE_AP_RDONLY ? IOMMU_READ : IOMMU_READ | IOMMU_WRITE;
    },

    writeTable(words, word, _level, address) {
      const high = highWord(address);
      words[word + 1] = high & addressHigh;
      words[word] = lowWord(address) | topBits(high) | LPAE_TYPE_TABLE;
    },
    writeLeaf(words, word, level, address, _shift, prot) {
      const high = highWord(address);
      const shared = prot & IOMMU_CACHE ? LPAE_SH_INNER : LPAE_SH_OUTER;
      const type = level === 0 ? LPAE_TYPE_PAGE : LPAE_TYPE_BLOCK;
      words[word + 1] = (high & addressHigh) | (prot & IOMMU_NOEXEC ? LPAE_XN : 0);
      words[word] = lowWord(address) | topBits(high) | attributesOf(prot) | shared | LPAE_AF | type;
    },
    writeLeafLike(words, word, level, address, low, high) {
      const type = level === 0 ? LPAE_TYPE_PAGE : LPAE_TYPE_BLOCK;
      const newHigh = highWord(address);
      words[word + 1] = (newHigh & addressHigh) | (high & LPAE_XN);
      words[word] = lowWord(address) | topBits(newHigh) | (low & LPAE_ATTRIBUTES_LOW) | type;
    },
    // Hardware update of the access flag is not enabled: the kernel sets it.
    usedBits: () => 0,
  };
}
