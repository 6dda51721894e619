import { describe, expect, it } from 'vitest';
import { EADDRINUSE, EINVAL, ENOMEM, ENXIO, EOVERFLOW, ERANGE } from '../../../src/machine/errno.ts';
import {
  createPageTable,
  type PageTableOptions,
} from '../../../src/machine/page-tables/create-page-table.ts';
import { newGather } from '../../../src/machine/page-tables/iotlb-gather.ts';
import {
  type GenericPageTable,
  IOMMU_READ,
  IOMMU_WRITE,
  type MapResult,
  newWalkEntry,
  type PageTableFormat,
} from '../../../src/machine/page-tables/page-table.ts';
import { newTestHost, type TestHost, withGather } from './table-host.ts';

const KIB = 1024;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const RW = IOMMU_READ | IOMMU_WRITE;
const PHYS = 64 * GIB;

interface Bench {
  readonly host: TestHost;
  readonly table: GenericPageTable;
  map(iova: number, phys: number, size: number, prot?: number): MapResult;
  unmap(iova: number, size: number): number;
}

function bench(format: PageTableFormat, options: PageTableOptions = {}): Bench {
  const host = newTestHost();
  const table = createPageTable(format, host, options) as GenericPageTable;
  return {
    host,
    table,
    map(iova, phys, size, prot = RW) {
      const result = { error: 0, mapped: 0 };
      table.mapRange(iova, phys, size, prot, result);
      return result;
    },
    unmap: (iova, size) => withGather(host, gather => table.unmapRange(iova, size, gather)),
  };
}

describe.each<PageTableFormat>(['vtd', 'x86', 'amdv1'])('generic_pt, %s', format => {
  it('takes a whole 2 MiB page away for 4 KiB of its beginning, and says so', () => {
    const { map, unmap, table } = bench(format);
    expect(map(2 * MIB, PHYS, 2 * MIB)).toEqual({ error: 0, mapped: 2 * MIB });
    expect(unmap(2 * MIB, 4 * KIB)).toBe(2 * MIB);
    expect(table.iovaToPhys(2 * MIB + 4 * KIB)).toBe(0);
  });

  it('refuses to begin in the middle of a 2 MiB page', () => {
    const { map, unmap, table } = bench(format);
    map(2 * MIB, PHYS, 2 * MIB);
    expect(unmap(2 * MIB + 4 * KIB, 4 * KIB)).toBe(0);
    expect(table.iovaToPhys(2 * MIB + 5000)).toBe(PHYS + 5000);
  });

  it('takes the page away in which a range ends', () => {
    const { map, unmap } = bench(format);
    map(2 * MIB - 4 * KIB, PHYS - 4 * KIB, 2 * MIB + 4 * KIB);
    expect(unmap(2 * MIB - 4 * KIB, 8 * KIB)).toBe(2 * MIB + 4 * KIB);
  });

  it('stops at a hole', () => {
    const { map, unmap, table } = bench(format);
    map(0x10_1000, PHYS + 0x1000, 4 * KIB);
    map(0x10_3000, PHYS + 0x3000, 4 * KIB);
    expect(unmap(0x10_1000, 12 * KIB)).toBe(4 * KIB);
    expect(table.iovaToPhys(0x10_3000)).toBe(PHYS + 0x3000);
  });

  it('takes a page away for half of it', () => {
    const { map, unmap } = bench(format);
    map(0x1000, PHYS + 0x1000, 4 * KIB);
    expect(unmap(0x1000, 0x800)).toBe(4 * KIB);
  });

  it('maps up to what is there already, and refuses to replace it', () => {
    const { map, table } = bench(format);
    map(0x3000, PHYS + 0x3000, 4 * KIB);
    expect(map(0x2000, 2 * PHYS + 0x1000, 8 * KIB)).toEqual({ error: -EADDRINUSE, mapped: 4 * KIB });
    expect(table.iovaToPhys(0x3000)).toBe(PHYS + 0x3000);
  });

  it('puts a large page in the place of an empty table, whose page is flushed and freed', () => {
    const { host, map, unmap } = bench(format);
    map(2 * MIB, PHYS + 4 * KIB, 4 * KIB);
    unmap(2 * MIB, 4 * KIB);
    const before = host.tables.live.size;
    expect(map(2 * MIB, PHYS, 2 * MIB).error).toBe(0);
    expect(host.tables.live.size).toBe(before - 1);
    expect(host.walkFlushes).toEqual([[2 * MIB, 2 * MIB]]);
  });

  it('does not put a large page over a single small one', () => {
    const { host, map } = bench(format);
    map(2 * MIB + 8 * KIB, PHYS, 4 * KIB);
    expect(map(2 * MIB, PHYS, 2 * MIB)).toEqual({ error: -EADDRINUSE, mapped: 0 });
    expect(host.walkFlushes).toEqual([]);
  });

  it('frees a table after the flush if the range covered it, and leaves it otherwise', () => {
    const { host, map, table } = bench(format);
    map(2 * MIB, PHYS + 4 * KIB, 2 * MIB);
    const full = newGather();
    expect(table.unmapRange(2 * MIB, 2 * MIB, full)).toBe(2 * MIB);
    expect(full).toMatchObject({ start: 2 * MIB, end: 4 * MIB, pageSize: 0 });
    expect(full.freelist).toHaveLength(1);
    expect(host.tables.live.has(full.freelist[0] as number)).toBe(true);

    map(2 * MIB, PHYS + 4 * KIB, MIB);
    const partial = newGather();
    expect(table.unmapRange(2 * MIB, MIB, partial)).toBe(MIB);
    expect(partial.freelist).toEqual([]);
  });

  it('gathers what is gone, not what was asked, and in lazy mode only tables', () => {
    const { map, table } = bench(format);
    map(2 * MIB, PHYS, 2 * MIB);
    const gather = newGather();
    table.unmapRange(2 * MIB, 4 * KIB, gather);
    expect(gather.end).toBe(4 * MIB);

    map(2 * MIB, PHYS, 2 * MIB);
    const lazy = newGather(true);
    table.unmapRange(2 * MIB, 4 * KIB, lazy);
    expect(lazy).toMatchObject({ end: 0, queued: true });
  });

  it('names what it cannot map', () => {
    const { host, map, unmap } = bench(format);
    expect(map(0, PHYS, 4 * KIB, 0)).toEqual({ error: -EINVAL, mapped: 0 });
    expect(host.log.countFrom('map_range')).toBe(1);
    expect(map(0, 2 ** 52, 4 * KIB).error).toBe(-ERANGE);
    expect(map(0x800, PHYS, 4 * KIB).error).toBe(-ENXIO);
    expect(map(0, PHYS, 6 * KIB)).toEqual({ error: -ENXIO, mapped: 4 * KIB });
    expect(map(0, PHYS, 0).error).toBe(-EINVAL);
    expect(map(2 ** 64 - 4 * KIB, PHYS, 8 * KIB).error).toBe(-EOVERFLOW);
    expect(unmap(2 ** 64 - 4 * KIB, 8 * KIB)).toBe(0);
    expect(unmap(0x4000, 0)).toBe(0);
  });

  it('stops where no memory is left for a table, and can go on later', () => {
    const { host, map, unmap } = bench(format);
    map(2 * MIB - 4 * KIB, PHYS, 4 * KIB);
    host.tables.isExhausted = true;
    expect(map(2 * MIB - 8 * KIB, PHYS + 4 * KIB, 4 * KIB)).toEqual({ error: 0, mapped: 4 * KIB });
    expect(map(4 * MIB - 4 * KIB, PHYS, 8 * KIB)).toEqual({ error: -ENOMEM, mapped: 0 });
    host.tables.isExhausted = false;
    expect(map(4 * MIB - 4 * KIB, PHYS, 8 * KIB)).toEqual({ error: 0, mapped: 8 * KIB });
    expect(unmap(4 * MIB - 4 * KIB, 8 * KIB)).toBe(8 * KIB);
  });

  it('maps 1 GiB as one leaf, exact to the byte', () => {
    const { host, map, table, unmap } = bench(format);
    map(GIB, PHYS, GIB);
    expect(table.iovaToPhys(2 * GIB - 1)).toBe(PHYS + GIB - 1);
    expect(host.tables.live.size).toBe(format === 'amdv1' ? 1 : 2);
    expect(unmap(GIB, 4 * KIB)).toBe(GIB);
  });
});

describe('AMD v1', () => {
  it('has every power of two but 512 GiB', () => {
    const { table } = bench('amdv1');
    expect(table.pgsizeBitmap).toBe(2 ** 52 - 2 ** 12 - 2 ** 39);
  });

  it('packs 32 KiB into one page, of which the first 4 KiB take all away', () => {
    const { map, unmap } = bench('amdv1');
    map(32 * KIB, PHYS, 32 * KIB);
    expect(unmap(36 * KIB, 4 * KIB)).toBe(0);
    expect(unmap(32 * KIB, 4 * KIB)).toBe(32 * KIB);
  });

  it('grows on top for an IOVA beyond its levels, and keeps what was mapped', () => {
    const { map, table, unmap } = bench('amdv1');
    map(4 * KIB, PHYS, 4 * KIB);
    expect(table.root().level).toBe(2);
    const old = table.root().phys;
    expect(map(2 ** 47, PHYS, 4 * KIB)).toEqual({ error: 0, mapped: 4 * KIB });
    expect(table.root()).toMatchObject({ level: 3 });
    expect(table.root().phys).not.toBe(old);
    expect(map(2 ** 64 - 4 * KIB, PHYS, 4 * KIB).error).toBe(0);
    expect(table.root().level).toBe(5);
    expect(table.iovaToPhys(4 * KIB)).toBe(PHYS);
    expect(table.iovaToPhys(2 ** 47)).toBe(PHYS);
    expect(unmap(2 ** 64 - 4 * KIB, 4 * KIB)).toBe(4 * KIB);
  });

  it('syncs a gather before a gap where the IOMMU is emulated', () => {
    const { host, map, table } = bench('amdv1', { isVirtualized: true });
    map(0x1000, PHYS, 0x1000);
    map(0x9000, PHYS, 0x1000);
    const gather = newGather();
    table.unmapRange(0x1000, 0x1000, gather);
    table.unmapRange(0x9000, 0x1000, gather);
    expect(host.syncs).toEqual([[0x1000, 0x2000]]);
    expect(gather).toMatchObject({ start: 0x9000, end: 0xa000 });
  });
});

describe('x86 first stage', () => {
  it('translates both halves of the canonical space, and nothing between them', () => {
    const { map, table, unmap } = bench('x86');
    const high = 2 ** 64 - 2 ** 47;
    expect(map(high, PHYS, 4 * KIB).error).toBe(0);
    expect(map(2 ** 64 - 4 * KIB, PHYS, 4 * KIB).error).toBe(0);
    expect(map(2 ** 47 - 4 * KIB, PHYS, 8 * KIB).error).toBe(-ERANGE);
    expect(table.iovaToPhys(high)).toBe(PHYS);
    expect(table.iovaToPhys(2 ** 47)).toBe(0);
    expect(unmap(2 ** 64 - 4 * KIB, 4 * KIB)).toBe(4 * KIB);
  });

  it('shows hardware its entries, and lets it set the accessed and dirty bits', () => {
    const { host, map, table } = bench('x86');
    map(0x5000, PHYS, 4 * KIB, IOMMU_READ);
    const entry = newWalkEntry();
    let { phys, level } = table.root();
    for (; ; level--) {
      table.readEntry(host.memory, phys, level, 0x5123, entry);
      if (entry.kind !== 'table') break;
      expect(entry).toMatchObject({ nextLevel: level - 1, readable: true, writable: true });
      phys = entry.phys;
    }
    expect(level).toBe(0);
    expect(entry).toMatchObject({ kind: 'leaf', iova: 0x5000, size: 4096, phys: PHYS });
    expect(entry).toMatchObject({ readable: true, writable: false });
    const before = host.memory.read(entry.entry);
    table.setAccessed?.(host.memory, entry, true);
    expect(host.memory.read(entry.entry)).toBe(before | (1 << 6));
    table.readEntry(host.memory, phys, level, 0x6000, entry);
    expect(entry.kind).toBe('none');
  });
});
