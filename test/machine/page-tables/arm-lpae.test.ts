import { describe, expect, it } from 'vitest';
import { EEXIST, EINVAL, ERANGE } from '../../../src/machine/errno.ts';
import {
  type ArmLpaeOptions,
  ArmLpaeTable,
} from '../../../src/machine/page-tables/io-pgtable/arm-lpae-table.ts';
import { newGather } from '../../../src/machine/page-tables/iotlb-gather.ts';
import { IOMMU_READ, IOMMU_WRITE, type MapResult } from '../../../src/machine/page-tables/page-table.ts';
import { newTestHost, type TestHost } from './table-host.ts';

const KIB = 1024;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const RW = IOMMU_READ | IOMMU_WRITE;
const PHYS = 64 * GIB;

interface Bench {
  readonly host: TestHost;
  readonly table: ArmLpaeTable;
  map(iova: number, phys: number, pageSize: number, count?: number, prot?: number): MapResult;
  unmap(iova: number, pageSize: number, count?: number): number;
}

function bench(options: ArmLpaeOptions = {}): Bench {
  const host = newTestHost();
  const table = new ArmLpaeTable(host, options);
  return {
    host,
    table,
    map(iova, phys, pageSize, count = 1, prot = RW) {
      const result = { error: 0, mapped: 0 };
      table.mapPages(iova, phys, pageSize, count, prot, result);
      return result;
    },
    unmap: (iova, pageSize, count = 1) => table.unmapPages(iova, pageSize, count, newGather()),
  };
}

describe('io-pgtable-arm', () => {
  it.each([
    [12, 4 * KIB + 2 * MIB + GIB],
    [14, 16 * KIB + 32 * MIB],
    [16, 64 * KIB + 512 * MIB],
  ] as const)('has the page sizes of a granule of 2^%i bytes', (granuleShift, bitmap) => {
    expect(bench({ granuleShift }).table.pgsizeBitmap).toBe(bitmap);
  });

  it('has 4 TiB blocks with 52-bit addresses', () => {
    const { table } = bench({ granuleShift: 16, outputBits: 52 });
    expect(table.pgsizeBitmap).toBe(64 * KIB + 512 * MIB + 2 ** 42);
  });

  it('refuses to unmap a part of a block, and says so once', () => {
    const { host, map, unmap, table } = bench();
    map(2 * MIB, PHYS, 2 * MIB);
    expect(unmap(2 * MIB, 4 * KIB)).toBe(0);
    expect(unmap(2 * MIB, 4 * KIB)).toBe(0);
    expect(host.log.lines.map(({ text }) => text)).toEqual(['Unmap of a partial large IOPTE is not allowed']);
    expect(table.iovaToPhys(2 * MIB + 5000)).toBe(PHYS + 5000);
  });

  it('splits a block, as before 33729a5fc0ca: the rest keeps its attributes', () => {
    const { map, unmap, table, host } = bench({ partialUnmap: 'split' });
    map(2 * MIB, PHYS, 2 * MIB, 1, IOMMU_READ);
    expect(unmap(2 * MIB + 8 * KIB, 4 * KIB, 2)).toBe(8 * KIB);
    expect(table.iovaToPhys(2 * MIB + 8 * KIB)).toBe(0);
    expect(table.iovaToPhys(2 * MIB + 12 * KIB)).toBe(0);
    expect(table.iovaToPhys(2 * MIB + 16 * KIB)).toBe(PHYS + 16 * KIB);
    expect(table.iovaToPhys(4 * MIB - 1)).toBe(PHYS + 2 * MIB - 1);
    expect(host.log.lines).toEqual([]);
  });

  it('splits 1 GiB twice for 4 KiB', () => {
    const { map, unmap, table, host } = bench({ partialUnmap: 'split' });
    map(GIB, PHYS, GIB);
    const before = host.tables.live.size;
    expect(unmap(GIB + 3 * MIB, 4 * KIB)).toBe(4 * KIB);
    expect(host.tables.live.size).toBe(before + 2);
    expect(table.iovaToPhys(GIB + 3 * MIB)).toBe(0);
    expect(table.iovaToPhys(GIB + 3 * MIB + 4 * KIB)).toBe(PHYS + 3 * MIB + 4 * KIB);
    expect(table.iovaToPhys(GIB + 512 * MIB)).toBe(PHYS + 512 * MIB);
  });

  it('does not split without memory for the table', () => {
    const { map, unmap, table, host } = bench({ partialUnmap: 'split' });
    map(2 * MIB, PHYS, 2 * MIB);
    host.tables.isExhausted = true;
    expect(unmap(2 * MIB, 4 * KIB)).toBe(0);
    expect(table.iovaToPhys(2 * MIB)).toBe(PHYS);
  });

  it('frees a whole table at once, holes or not', () => {
    const { host, map, unmap } = bench();
    map(2 * MIB, PHYS, 4 * KIB);
    map(2 * MIB + 8 * KIB, PHYS, 4 * KIB);
    const before = host.tables.live.size;
    expect(unmap(2 * MIB, 2 * MIB)).toBe(2 * MIB);
    expect(host.tables.live.size).toBe(before - 1);
    expect(host.walkFlushes).toEqual([[2 * MIB, 2 * MIB]]);
    expect(host.log.lines).toEqual([]);
  });

  it('keeps a table that is emptied page by page', () => {
    const { host, map, unmap } = bench();
    map(2 * MIB, PHYS, 4 * KIB, 512);
    const before = host.tables.live.size;
    expect(unmap(2 * MIB, 4 * KIB, 512)).toBe(2 * MIB);
    expect(host.tables.live.size).toBe(before);
  });

  it('warns at a hole and stops', () => {
    const { host, map, unmap } = bench();
    map(2 * MIB, PHYS, 4 * KIB, 2);
    map(2 * MIB + 12 * KIB, PHYS, 4 * KIB);
    expect(unmap(2 * MIB, 4 * KIB, 4)).toBe(8 * KIB);
    expect(host.log.countFrom('__arm_lpae_unmap')).toBe(1);
    expect(unmap(64 * MIB, 4 * KIB)).toBe(0);
    expect(host.log.countFrom('__arm_lpae_unmap')).toBe(2);
  });

  it('replaces a table by a block without a word, and never a leaf', () => {
    const { host, map, table } = bench();
    map(2 * MIB, PHYS, 4 * KIB, 3);
    expect(map(2 * MIB, 2 * PHYS, 2 * MIB)).toEqual({ error: 0, mapped: 2 * MIB });
    expect(table.iovaToPhys(2 * MIB)).toBe(2 * PHYS);
    expect(host.log.lines).toEqual([]);
    expect(host.walkFlushes).toEqual([[2 * MIB, 2 * MIB]]);
    expect(map(2 * MIB, PHYS, 2 * MIB).error).toBe(-EEXIST);
    expect(map(2 * MIB, PHYS, 4 * KIB).error).toBe(-EEXIST);
    expect(host.log.countFrom('arm_lpae_init_pte')).toBe(2);
  });

  it('is quiet where the driver asks for it', () => {
    const { host, map, unmap } = bench({ isQuiet: true });
    expect(unmap(2 * MIB, 4 * KIB)).toBe(0);
    map(2 * MIB, PHYS, 4 * KIB);
    expect(map(2 * MIB, PHYS, 4 * KIB).error).toBe(-EEXIST);
    expect(host.log.lines).toEqual([]);
  });

  it('maps up to the end of a table; the core goes on from there', () => {
    const { map } = bench();
    expect(map(2 * MIB - 8 * KIB, PHYS, 4 * KIB, 4)).toEqual({ error: 0, mapped: 8 * KIB });
  });

  it('names what it cannot map', () => {
    const { map, unmap } = bench();
    expect(map(0, PHYS, 8 * KIB).error).toBe(-EINVAL);
    expect(map(0, PHYS, 4 * KIB, 1, 0).error).toBe(-EINVAL);
    expect(map(2 ** 48, PHYS, 4 * KIB).error).toBe(-ERANGE);
    expect(map(0, 2 ** 48, 4 * KIB).error).toBe(-ERANGE);
    expect(unmap(2 ** 48, 4 * KIB)).toBe(0);
    expect(unmap(0, 8 * KIB)).toBe(0);
  });

  it('gathers adjacent pages of one size, and syncs before others', () => {
    const { host, map, table } = bench();
    map(2 * MIB, PHYS, 2 * MIB);
    map(4 * MIB, PHYS, 4 * KIB, 2);
    const gather = newGather();
    table.unmapPages(4 * MIB, 4 * KIB, 1, gather);
    table.unmapPages(4 * MIB + 4 * KIB, 4 * KIB, 1, gather);
    expect(gather).toMatchObject({ start: 4 * MIB, end: 4 * MIB + 8 * KIB, pageSize: 4 * KIB });
    expect(host.syncs).toEqual([]);
    table.unmapPages(2 * MIB, 2 * MIB, 1, gather);
    expect(host.syncs).toEqual([[4 * MIB, 4 * MIB + 8 * KIB]]);
    expect(gather).toMatchObject({ start: 2 * MIB, end: 4 * MIB, pageSize: 2 * MIB });
  });

  it('joins up to 16 root tables at stage 2 to save a level', () => {
    expect(bench({ stage: 2, inputBits: 42 }).table.root().level).toBe(2);
    expect(bench({ stage: 2, inputBits: 44 }).table.root().level).toBe(3);
    expect(bench({ stage: 1, inputBits: 42 }).table.root().level).toBe(3);
  });
});
