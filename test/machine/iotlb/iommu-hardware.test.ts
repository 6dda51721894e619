import { describe, expect, it } from 'vitest';
import type { DomainType, IommuDomain } from '../../../src/machine/iommu/domain.ts';
import { newTranslation, type Translation } from '../../../src/machine/iommu/iommu-unit.ts';
import { IommuHardware } from '../../../src/machine/iotlb/iommu-hardware.ts';
import { DEFAULT_WALKER, type WalkerOptions } from '../../../src/machine/iotlb/walker.ts';
import type { PhysicalMemory } from '../../../src/machine/memory/physical-memory.ts';
import { createPageTable } from '../../../src/machine/page-tables/create-page-table.ts';
import { type IotlbGather, newGather } from '../../../src/machine/page-tables/iotlb-gather.ts';
import {
  IOMMU_READ,
  IOMMU_WRITE,
  type PageTableFormat,
} from '../../../src/machine/page-tables/page-table.ts';
import { Clock } from '../../../src/machine/time/clock.ts';
import { newTestHost } from '../page-tables/table-host.ts';

const MIB = 2 ** 20;
const RW = IOMMU_READ | IOMMU_WRITE;
const DEVICE = 1;
const PHYS = 2 ** 32;

interface Bench {
  readonly unit: IommuHardware;
  readonly domain: IommuDomain;
  readonly memory: PhysicalMemory;
  /** `[iova, size]` of each flush that the events would hear of. */
  readonly flushed: [number, number][];
  /** Words that table walks have read. */
  readonly reads: { count: number };
  map(iova: number, phys: number, size?: number, prot?: number): void;
  unmap(iova: number, size: number, gather?: IotlbGather): IotlbGather;
  at(iova: number, isWrite?: boolean): Translation;
}

function bench(format: PageTableFormat, options: WalkerOptions = DEFAULT_WALKER): Bench {
  const host = newTestHost();
  const flushed: [number, number][] = [];
  const reads = { count: 0 };
  let stamp = 0;
  const unit = new IommuHardware(
    {
      clock: new Clock(),
      busOf: () => ({
        read(phys) {
          reads.count++;
          return host.memory.read(phys);
        },
        write: (phys, word) => host.memory.write(phys, word),
      }),
      stampOf: () => stamp,
      freeTables: tables => {
        for (const table of tables) host.tables.freeTable(table);
      },
      flushed: (_domain, iova, size) => void flushed.push([iova, size]),
    },
    options,
  );
  const pageTable = createPageTable(format, {
    ...host,
    flushWalk: (iova, size) => unit.flushWalk(domain, iova, size),
    syncGather: gather => unit.sync(domain, gather),
  });
  const domain: IommuDomain = { id: 1, name: 'd', type: 'unmanaged', pageTable, devices: new Set([DEVICE]) };
  unit.attach(DEVICE, domain);
  return {
    unit,
    domain,
    memory: host.memory,
    flushed,
    reads,
    map(iova, phys, size = 4096, prot = RW) {
      const result = { error: 0, mapped: 0 };
      if (pageTable.driver === 'generic-pt') pageTable.mapRange(iova, phys, size, prot, result);
      else pageTable.mapPages(iova, phys, 4096, size / 4096, prot, result);
      expect(result).toEqual({ error: 0, mapped: size });
      stamp++;
    },
    unmap(iova, size, gather = newGather()) {
      if (pageTable.driver === 'generic-pt') pageTable.unmapRange(iova, size, gather);
      else pageTable.unmapPages(iova, 4096, size / 4096, gather);
      return gather;
    },
    at(iova, isWrite = false) {
      const into = newTranslation();
      unit.translate(DEVICE, iova, isWrite, into);
      return into;
    },
  };
}

describe.each<PageTableFormat>(['vtd', 'x86', 'amdv1', 'arm-lpae'])('an IOMMU with caches, %s', format => {
  it('answers from the tables first, then from its cache', () => {
    const { map, at, reads } = bench(format);
    map(0x5000, PHYS);
    expect(at(0x5010)).toEqual({
      phys: PHYS + 0x10,
      contiguous: 4080,
      stamp: 1,
      fromCache: false,
      fault: undefined,
    });
    const walked = reads.count;
    expect(at(0x5020)).toMatchObject({ phys: PHYS + 0x20, fromCache: true, stamp: 1 });
    expect(reads.count).toBe(walked);
  });

  it('reaches a page after its unmap until the flush', () => {
    const { map, unmap, at, unit, domain, flushed } = bench(format);
    map(0x5000, PHYS);
    at(0x5000);
    const gather = unmap(0x5000, 4096);
    expect(at(0x5000)).toMatchObject({ phys: PHYS, fromCache: true, fault: undefined });
    unit.sync(domain, gather);
    expect(at(0x5000).fault).toBe('not-present');
    expect(flushed).toEqual([[0x5000, 4096]]);
    expect(gather.end).toBe(0);
  });

  it('keeps the old page where a new mapping came before the flush', () => {
    const { map, unmap, at, unit, domain } = bench(format);
    map(0x5000, PHYS);
    at(0x5000);
    const gather = unmap(0x5000, 4096);
    map(0x5000, 2 * PHYS);
    expect(at(0x5000)).toMatchObject({ phys: PHYS, stamp: 1 });
    unit.sync(domain, gather);
    expect(at(0x5000)).toMatchObject({ phys: 2 * PHYS, stamp: 2 });
  });

  it('does not cache that nothing is there', () => {
    const { map, at } = bench(format);
    expect(at(0x5000).fault).toBe('not-present');
    map(0x5000, PHYS);
    expect(at(0x5000).fault).toBeUndefined();
  });

  it('refuses a write to what may only be read, cached or not', () => {
    const { map, at } = bench(format);
    map(0x5000, PHYS, 4096, IOMMU_READ);
    expect(at(0x5000, true).fault).toBe('not-writable');
    expect(at(0x5000).fault).toBeUndefined();
    expect(at(0x5000, true).fault).toBe('not-writable');
  });

  it('begins a walk at the table that it has cached', () => {
    const { map, at, reads } = bench(format);
    map(0x5000, PHYS, 8192);
    at(0x5000);
    const full = reads.count;
    at(0x6000);
    expect(reads.count - full).toBeLessThan(full);
  });

  it('forgets everything of a domain in flush_iotlb_all', () => {
    const { map, unmap, at, unit, domain, flushed } = bench(format);
    map(0x5000, PHYS);
    at(0x5000);
    unmap(0x5000, 4096, newGather(true));
    unit.flushAll(domain);
    expect(at(0x5000).fault).toBe('not-present');
    expect(flushed).toEqual([[0, Number.POSITIVE_INFINITY]]);
    expect(unit.walkerOf(DEVICE)?.iotlb.used).toBe(0);
  });

  it('blocks a device that is attached to nothing', () => {
    const { map, at, unit } = bench(format);
    map(0x5000, PHYS);
    unit.detach(DEVICE);
    expect(at(0x5000).fault).toBe('blocked');
  });

  it('tells what a device can reach by its cache', () => {
    const { map, at, unit, unmap } = bench(format);
    map(0x5000, PHYS);
    at(0x5000);
    unmap(0x5000, 4096);
    const seen: [number, number, number][] = [];
    unit.forEachCached(DEVICE, (iova, size, phys) => void seen.push([iova, size, phys]));
    expect(seen).toEqual([[0x5000, 4096, PHYS]]);
  });
});

describe('table pages and the paging-structure cache', () => {
  it('Intel: a table is freed after a flush that forgets it', () => {
    const { map, unmap, at, unit, domain } = bench('vtd');
    map(2 * MIB, PHYS + 4096, 2 * MIB);
    at(2 * MIB);
    const gather = unmap(2 * MIB, 2 * MIB);
    expect(gather.freelist).toHaveLength(1);
    unit.sync(domain, gather);
    // 512 GiB and 1 GiB entries are forgotten with it: an invalidation takes every level that covers the range.
    expect(unit.walkerOf(DEVICE)?.pagingStructures.used).toBe(0);
    expect(at(2 * MIB).fault).toBe('not-present');
  });

  it('Intel: without the freed table the cached tables stay', () => {
    const { map, unmap, at, unit, domain } = bench('vtd');
    map(2 * MIB, PHYS, 8192);
    at(2 * MIB);
    unit.sync(domain, unmap(2 * MIB, 4096));
    expect(unit.walkerOf(DEVICE)?.pagingStructures.used).toBe(3);
  });

  it('a walk believes a cached table whose page is somebody else’s', () => {
    const { map, unmap, at, unit, memory } = bench('vtd');
    map(2 * MIB, PHYS + 4096, 2 * MIB);
    at(2 * MIB);
    const [table = 0] = unmap(2 * MIB, 2 * MIB).freelist;
    // Before the flush: the new owner of the page writes data that looks like an entry.
    const index = 7;
    memory.write(table + index * 8, 0x0666_6003);
    expect(at(2 * MIB + index * 4096)).toMatchObject({ phys: 0x0666_6000, fault: undefined });
    unit.walkerOf(DEVICE)?.invalidate(2 * MIB, 2 * MIB, false);
    expect(at(2 * MIB + index * 4096).fault).toBe('not-present');
  });
});

describe('domains without tables', () => {
  it.each<[DomainType, Partial<Translation>]>([
    ['identity', { phys: 0x5000, fault: undefined }],
    ['blocked', { fault: 'blocked' }],
  ])('%s', (type, expected) => {
    const { unit, at } = bench('vtd');
    unit.attach(DEVICE, { id: 2, name: 'n', type, pageTable: undefined, devices: new Set() });
    expect(at(0x5000)).toMatchObject(expected);
  });
});

describe('x86: accessed and dirty bits', () => {
  it('walks once more for the first write through a cached leaf', () => {
    const { map, at, reads } = bench('x86');
    map(0x5000, PHYS);
    at(0x5000);
    const before = reads.count;
    expect(at(0x5000, true).fromCache).toBe(false);
    expect(reads.count).toBeGreaterThan(before);
    expect(at(0x5000, true).fromCache).toBe(true);
  });
});
