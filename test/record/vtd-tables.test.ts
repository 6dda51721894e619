import { describe, expect, it } from 'vitest';
import { type FoundRun, VtdTableReader } from '../../src/record/vtd-tables.ts';
import { vtdTable } from '../helpers/vtd-table.ts';

function read(text: string, pieceLength = text.length): { runs: FoundRun[]; unread: number } {
  const runs: FoundRun[] = [];
  const reader = new VtdTableReader(run => runs.push(run));
  for (let at = 0; at < text.length; at += pieceLength) reader.feed(text.slice(at, at + pieceLength));
  reader.end();
  return { runs, unread: reader.unread };
}

describe('a table of VT-d', () => {
  // The example of Documentation/ABI/testing/debugfs-intel-iommu, whose columns stand below each other there.
  const example = `Device 0000:00:02.0 @0x1017f8000
IOVA_PFN\t\tPML5E\t\t\tPML4E\t\t\tPDPE\t\t\tPDE\t\t\tPTE
0x000000008d800 |\t0x0000000000000000\t0x00000001017f9003\t0x00000001017fa003\t0x00000001017fb003\t0x000000008e800003
0x000000008d801 |\t0x0000000000000000\t0x00000001017f9003\t0x00000001017fa003\t0x00000001017fb003\t0x000000008e801003
0x000000008d802 |\t0x0000000000000000\t0x00000001017f9003\t0x00000001017fa003\t0x00000001017fb003\t0x000000008e802003

`;

  it('is read as the kernel prints it, neighbouring pages as one run', () => {
    expect(read(example)).toEqual({
      runs: [{ device: '0000:00:02.0', table: '1017f8000', iovaPage: 0x8d800, pages: 3, frame: 0x8e800 }],
      unread: 0,
    });
  });

  it('is read in pieces of any length', () => {
    for (const length of [1, 7, 64, 100]) expect(read(example, length)).toEqual(read(example));
  });

  it('has huge pages, flags above the address, and the PASID of scalable mode', () => {
    const text = vtdTable('0000:00:04.0', 0x2000_1000, [
      { page: 0x200, frame: 0x40_0000, level: 2 },
      { page: 0x4_0000, frame: 0x8_0000, level: 3 },
      // Execute-disable of a first-level table; bits 62 to 52 are ignored by the hardware.
      { page: 0xfffff, frame: 0x7, flags: 0xfff0_0000_0000_0823n },
    ]).replace('Device 0000:00:04.0', 'Device 0000:00:04.0 with pasid 0');
    expect(read(text)).toEqual({
      runs: [
        { device: '0000:00:04.0', table: '20001000', iovaPage: 0x200, pages: 512, frame: 0x40_0000 },
        { device: '0000:00:04.0', table: '20001000', iovaPage: 0x4_0000, pages: 512 * 512, frame: 0x8_0000 },
        { device: '0000:00:04.0', table: '20001000', iovaPage: 0xfffff, pages: 1, frame: 7 },
      ],
      unread: 0,
    });
  });

  it('is told once where devices share it, and without what is mapped to itself', () => {
    const entries = [
      { page: 0x10, frame: 0x10 },
      { page: 0x11, frame: 0x99 },
    ];
    const { runs } = read(
      vtdTable('0000:00:1f.0', 0x5000, entries) + vtdTable('0000:00:1f.3', 0x5000, entries),
    );
    expect(runs).toEqual([{ device: '0000:00:1f.0', table: '5000', iovaPage: 0x11, pages: 1, frame: 0x99 }]);
  });

  it('says what it cannot read', () => {
    expect(read(`DMA Remapping is not enabled on dmar0\n0x12 | nonsense\n${example}`).unread).toBe(1);
    expect(read(`${example}0x12 | nonsense\n`).unread).toBe(1);
    expect(read('Device 0000:00:02.0 of a new kind\n0x1 |\n').unread).toBe(1);
  });
});
