import { describe, expect, it } from 'vitest';
import { AMD_V1 } from '../../../src/machine/page-tables/formats/amd-v1.ts';
import { armLpae } from '../../../src/machine/page-tables/formats/arm-lpae.ts';
import {
  ENTRY_LEAF,
  ENTRY_TABLE,
  type EntryFormat,
} from '../../../src/machine/page-tables/formats/entry-format.ts';
import { VTD_SECOND_STAGE } from '../../../src/machine/page-tables/formats/vtd-second-stage.ts';
import { X86_FIRST_STAGE } from '../../../src/machine/page-tables/formats/x86-first-stage.ts';
import {
  IOMMU_CACHE,
  IOMMU_MMIO,
  IOMMU_NOEXEC,
  IOMMU_READ,
  IOMMU_WRITE,
} from '../../../src/machine/page-tables/page-table.ts';

const RW = IOMMU_READ | IOMMU_WRITE;

function leaf(format: EntryFormat, level: number, address: number, shift: number, prot: number): string {
  const words = new Uint32Array(1024);
  format.writeLeaf(words, 0, level, address, shift, prot);
  return entry(words);
}

function table(format: EntryFormat, level: number, address: number): string {
  const words = new Uint32Array(2);
  format.writeTable(words, 0, level, address);
  return entry(words);
}

function entry(words: Uint32Array): string {
  return ((BigInt(words[1] as number) << 32n) | BigInt(words[0] as number)).toString(16).padStart(16, '0');
}

describe('entries are those that the specifications say', () => {
  it('VT-d second stage', () => {
    expect(leaf(VTD_SECOND_STAGE, 0, 0x12_3456_7000, 12, RW)).toBe('0000001234567003');
    expect(leaf(VTD_SECOND_STAGE, 0, 0x12_3456_7000, 12, IOMMU_READ)).toBe('0000001234567001');
    expect(leaf(VTD_SECOND_STAGE, 1, 0x12_3460_0000, 21, RW)).toBe('0000001234600083');
    expect(table(VTD_SECOND_STAGE, 1, 0x1000)).toBe('0000000000001003');
  });

  it('x86-64 first stage', () => {
    expect(leaf(X86_FIRST_STAGE, 0, 0x12_3456_7000, 12, RW)).toBe('0000001234567067');
    expect(leaf(X86_FIRST_STAGE, 0, 0x12_3456_7000, 12, IOMMU_READ)).toBe('0000001234567025');
    expect(leaf(X86_FIRST_STAGE, 2, 2 ** 40, 30, RW)).toBe('00000100000000e7');
    expect(table(X86_FIRST_STAGE, 3, 0x1000)).toBe('0000000000001027');
  });

  it('AMD v1: the size of joined entries is the lowest zero of the address (Table 14)', () => {
    expect(leaf(AMD_V1, 0, 0x12_3456_7000, 12, RW)).toBe('6000001234567001');
    // 8 KiB: a zero at bit 12. 16 KiB: a one there and a zero at bit 13. 1 MiB: ones up to bit 18.
    expect(leaf(AMD_V1, 0, 0x12_3456_6000, 13, RW)).toBe('6000001234566e01');
    expect(leaf(AMD_V1, 0, 0x12_3456_4000, 14, RW)).toBe('6000001234565e01');
    expect(leaf(AMD_V1, 0, 0x12_3450_0000, 20, IOMMU_READ)).toBe('200000123457fe01');
    expect(leaf(AMD_V1, 1, 0x12_3460_0000, 21, RW)).toBe('6000001234600001');
    expect(leaf(AMD_V1, 3, 2 ** 44, 44, RW)).toBe('600017fffffffe01');
    expect(table(AMD_V1, 2, 0x1000)).toBe('6000000000001401');
  });

  it('Arm LPAE stage 1 and 2', () => {
    const stage1 = armLpae(12, 1);
    const stage2 = armLpae(12, 2);
    // nG, AF, outer shareable, AP unprivileged; inner shareable and the cached attributes with IOMMU_CACHE.
    expect(leaf(stage1, 0, 0x12_3456_7000, 12, RW)).toBe('0000001234567e43');
    expect(leaf(stage1, 0, 0x12_3456_7000, 12, RW | IOMMU_CACHE)).toBe('0000001234567f47');
    expect(leaf(stage1, 1, 0x12_3460_0000, 21, IOMMU_READ | IOMMU_NOEXEC)).toBe('0060001234600ec1');
    expect(leaf(stage2, 0, 0x12_3456_7000, 12, RW)).toBe('00000012345676d7');
    expect(leaf(stage2, 0, 0x12_3456_7000, 12, IOMMU_READ | IOMMU_MMIO)).toBe('0000001234567647');
    expect(table(stage1, 1, 0x1000)).toBe('0000000000001003');
  });

  it('Arm LPAE with 52-bit addresses keeps their top in bits 15 to 12', () => {
    const format = armLpae(16, 1, 52);
    const address = 0xa_0000_1234_0000;
    expect(leaf(format, 0, address, 16, RW)).toBe('000000001234ae43');
    const words = new Uint32Array(2);
    format.writeLeaf(words, 0, 0, address, 16, RW);
    expect(format.leafAddress(words[0] as number, words[1] as number)).toBe(address);
    expect(() => armLpae(12, 1, 52)).toThrow('64 KiB');
  });
});

describe.each<[string, EntryFormat]>([
  ['VT-d', VTD_SECOND_STAGE],
  ['x86-64', X86_FIRST_STAGE],
  ['AMD v1', AMD_V1],
  ['LPAE 4K stage 1', armLpae(12, 1)],
  ['LPAE 16K stage 2', armLpae(14, 2)],
  ['LPAE 64K stage 1', armLpae(16, 1, 52)],
])('%s', (_name, format) => {
  it('reads every leaf and table back as it was written', () => {
    const words = new Uint32Array(2 << format.indexBits);
    for (let level = 0; level <= format.maxTopLevel; level++) {
      for (const shift of format.leafShifts(level)) {
        for (const address of [0, 2 ** shift, 2 ** format.outputBits - 2 ** shift]) {
          format.writeLeaf(words, 0, level, address, shift, RW);
          const joined = 2 ** (shift - format.granuleShift - level * format.indexBits);
          for (const index of [0, joined - 1]) {
            const low = words[2 * index] as number;
            const high = words[2 * index + 1] as number;
            expect(format.kind(low, high, level)).toBe(ENTRY_LEAF);
            expect(format.leafAddress(low, high)).toBe(address);
            expect(format.leafShift(low, high, level)).toBe(shift);
            expect(format.access(low, high, level)).toBe(RW);
          }
        }
      }
      if (level === 0) continue;
      const address = 2 ** format.outputBits - 2 ** format.granuleShift;
      format.writeTable(words, 0, level, address);
      const [low = 0, high = 0] = words;
      expect(format.kind(low, high, level)).toBe(ENTRY_TABLE);
      expect(format.tableAddress(low, high)).toBe(address);
      expect(format.access(low, high, level)).toBe(RW);
    }
  });

  it('keeps a read-only leaf from writes', () => {
    const words = new Uint32Array(2);
    format.writeLeaf(words, 0, 0, 0, format.granuleShift, IOMMU_READ);
    expect(format.access(words[0] as number, words[1] as number, 0)).toBe(IOMMU_READ);
  });
});
