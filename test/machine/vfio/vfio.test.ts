import { describe, expect, it } from 'vitest';
import { silentEvents } from '../../../src/kernel/silent-events.ts';
import { EEXIST, EINVAL, ENOENT } from '../../../src/machine/errno.ts';
import type { IommuDomain } from '../../../src/machine/iommu/domain.ts';
import { Machine } from '../../../src/machine/machine.ts';
import type { MachineOptions } from '../../../src/machine/options.ts';
import { IOMMU_READ, IOMMU_WRITE } from '../../../src/machine/page-tables/page-table.ts';
import { IommufdIoas } from '../../../src/machine/vfio/iommufd.ts';
import { UserMemory } from '../../../src/machine/vfio/user-memory.ts';
import { VfioType1, type VfioUnmapDesign } from '../../../src/machine/vfio/vfio-type1.ts';

const RW = IOMMU_READ | IOMMU_WRITE;
const MIB = 2 ** 20;
const IOVA = 2 ** 30;
const DESIGNS: readonly VfioUnmapDesign[] = ['page-by-page', 'chunked', 'merged'];

interface Bench {
  readonly machine: Machine;
  readonly domain: IommuDomain;
  readonly told: string[];
  memory(pages: number, order: number): UserMemory;
}

function bench(options: MachineOptions = {}): Bench {
  const told: string[] = [];
  const text = (iova: number, size: number): string => `${((iova - IOVA) / 4096).toString()}+${size / 4096}`;
  const machine = new Machine(options, {
    ...silentEvents,
    iommuMap: (_at, _domain, iova, _phys, size) => void told.push(`map ${text(iova, size)}`),
    iommuUnmapEnd: (_at, _domain, iova, size, unmapped) =>
      void told.push(`unmap ${text(iova, size)} = ${unmapped / 4096}`),
    iotlbFlush: () => void told.push('flush'),
    pageFree: (_at, _pfn, order) => void told.push(`free order ${order}`),
  });
  const owner = machine.ownerId('vm');
  return {
    machine,
    domain: machine.domainAlloc('vm'),
    told,
    memory(pages, order) {
      const memory = UserMemory.map(machine.allocator, pages, order, owner);
      if (memory === undefined) throw new Error('out of memory');
      return memory;
    },
  };
}

function type1({ machine, domain }: Bench, design: VfioUnmapDesign): VfioType1 {
  return new VfioType1({ core: machine.iommu, pageSize: 4096, design }, [domain]);
}

describe.each(DESIGNS)('VFIO type 1, %s', design => {
  it('maps a huge page as one run, and leaves nothing pinned or mapped', () => {
    const b = bench();
    const { machine, told } = b;
    const vfio = type1(b, design);
    const memory = b.memory(512, 9);
    expect(machine.call(vfio.mapDma(IOVA, memory, 0, 2 * MIB, RW))).toBe(0);
    expect(vfio.pinned).toBe(512);
    expect(told).toEqual(['map 0+512']);
    expect(machine.call(vfio.unmapDma(IOVA, 2 * MIB))).toBe(2 * MIB);
    expect(vfio.pinned).toBe(0);
    expect(machine.iovaToPhys(b.domain, IOVA)).toBe(0);
    expect(told.filter(line => line.startsWith('unmap'))).toEqual([
      design === 'page-by-page' ? 'unmap 0+1 = 512' : 'unmap 0+512 = 512',
    ]);
    memory.unmap();
    expect(told.at(-1)).toBe('free order 9');
  });

  it('keeps the memory of a process that has ended until it is unmapped', () => {
    const b = bench();
    const { machine, told } = b;
    const vfio = type1(b, design);
    const memory = b.memory(512, 9);
    machine.call(vfio.mapDma(IOVA, memory, 0, 2 * MIB, RW));
    memory.unmap();
    expect(told).toEqual(['map 0+512']);
    machine.call(vfio.unmapDma(IOVA, 2 * MIB));
    expect(told.at(-1)).toBe('free order 9');
    expect(told.indexOf('flush')).toBeLessThan(told.indexOf('free order 9'));
  });

  it('refuses to cut a mapping', () => {
    const b = bench();
    const vfio = type1(b, design);
    b.machine.call(vfio.mapDma(IOVA, b.memory(4, 0), 0, 0x4000, RW));
    expect(b.machine.call(vfio.unmapDma(IOVA, 0x1000))).toBe(-EINVAL);
    expect(b.machine.call(vfio.mapDma(IOVA + 0x3000, b.memory(4, 0), 0, 0x4000, RW))).toBe(-EEXIST);
    expect(b.machine.call(vfio.unmapDma(IOVA, 0x4000))).toBe(0x4000);
  });
});

describe('VFIO history on Arm', () => {
  it('page by page: a block is cracked into pages, and unmapped one by one', () => {
    const b = bench({ iommu: 'arm-lpae', table: { armLpae: { partialUnmap: 'split' } } });
    const vfio = type1(b, 'page-by-page');
    b.machine.call(vfio.mapDma(IOVA, b.memory(512, 9), 0, 2 * MIB, RW));
    b.machine.call(vfio.unmapDma(IOVA, 2 * MIB));
    expect(b.told.filter(line => line.startsWith('unmap'))).toHaveLength(512);
    expect(vfio.pinned).toBe(0);
  });

  it('chunked, but with the old iova_to_phys of blocks: the chunks are single pages all the same', () => {
    const b = bench({
      iommu: 'arm-lpae',
      table: { armLpae: { partialUnmap: 'split', iovaToPhys: 'within-granule' } },
    });
    const vfio = type1(b, 'chunked');
    b.machine.call(vfio.mapDma(IOVA, b.memory(512, 9), 0, 2 * MIB, RW));
    b.machine.call(vfio.unmapDma(IOVA, 2 * MIB));
    // The first page is unmapped alone and splits the block; then addresses are right, and the rest goes at once.
    expect(b.told.filter(line => line.startsWith('unmap'))).toEqual(['unmap 0+1 = 1', 'unmap 1+511 = 511']);
  });

  it('page by page, without a split on unmap: nothing is unmapped, and the pages stay pinned', () => {
    const b = bench({ iommu: 'arm-lpae' });
    const vfio = type1(b, 'page-by-page');
    b.machine.call(vfio.mapDma(IOVA, b.memory(512, 9), 0, 2 * MIB, RW));
    b.machine.call(vfio.unmapDma(IOVA, 2 * MIB));
    expect(b.machine.log.countFrom('vfio_unmap_unpin')).toBe(1);
    expect(b.machine.log.countFrom('__arm_lpae_unmap')).toBe(1);
    expect(b.machine.iovaToPhys(b.domain, IOVA)).not.toBe(0);
  });

  it('merged: one chunk per run of page frames, one flush for all, then the pins', () => {
    const b = bench({ iommu: 'arm-lpae' });
    const vfio = type1(b, 'merged');
    b.machine.call(vfio.mapDma(IOVA, b.memory(512, 9), 0, 2 * MIB, RW));
    b.machine.call(vfio.unmapDma(IOVA, 2 * MIB));
    expect(b.told.slice(1)).toEqual(['unmap 0+512 = 512', 'flush']);
    expect(b.machine.log.lines).toEqual([]);
  });
});

describe('VFIO type 1', () => {
  it('flushes once for 512 chunks', () => {
    const b = bench();
    // Every other page is free, so that no two page frames of the process follow each other.
    const pages = Array.from({ length: 1300 }, () => b.machine.allocPages());
    for (let index = 0; index < pages.length; index += 2) b.machine.freePages(pages[index] as number);
    const vfio = type1(b, 'merged');
    b.machine.call(vfio.mapDma(IOVA, b.memory(600, 0), 0, 600 * 4096, RW));
    b.told.length = 0;
    b.machine.call(vfio.unmapDma(IOVA, 600 * 4096));
    expect(b.told.filter(line => line.startsWith('unmap'))).toHaveLength(600);
    expect(b.told.indexOf('flush')).toBe(512);
    expect(b.told.filter(line => line === 'flush')).toHaveLength(2);
    expect(vfio.pinned).toBe(0);
  });

  it('unmaps the other domains of the container first, whole', () => {
    const b = bench();
    const second = b.machine.domainAlloc('second');
    const vfio = new VfioType1({ core: b.machine.iommu, pageSize: 4096 }, [b.domain, second]);
    b.machine.call(vfio.mapDma(IOVA, b.memory(512, 9), 0, 2 * MIB, RW));
    expect(b.machine.iovaToPhys(second, IOVA)).toBe(b.machine.iovaToPhys(b.domain, IOVA));
    b.machine.call(vfio.unmapDma(IOVA, 2 * MIB));
    expect(b.machine.iovaToPhys(second, IOVA)).toBe(0);
    expect(vfio.pinned).toBe(0);
  });

  it('undoes a map that fails in the second domain', () => {
    const b = bench();
    const second = b.machine.domainAlloc('second');
    b.machine.call(b.machine.iommuMap(second, IOVA + 4096, 2 ** 32, 4096));
    const vfio = new VfioType1({ core: b.machine.iommu, pageSize: 4096 }, [b.domain, second]);
    expect(b.machine.call(vfio.mapDma(IOVA, b.memory(4, 2), 0, 0x4000, RW))).toBeLessThan(0);
    expect(vfio.pinned).toBe(0);
    expect(b.machine.iovaToPhys(b.domain, IOVA)).toBe(0);
  });
});

describe('iommufd', () => {
  it('maps run by run, unmaps in batches that end with a run, and unpins after each', () => {
    const b = bench();
    const ioas = new IommufdIoas({ core: b.machine.iommu, pageSize: 4096, batchRuns: 1 }, b.domain);
    expect(b.machine.call(ioas.map(IOVA, b.memory(1024, 9), 0, 4 * MIB, RW))).toBe(0);
    const runs = b.told.filter(line => line.startsWith('map')).length;
    expect(ioas.pinned).toBe(1024);
    expect(b.machine.call(ioas.unmap(IOVA, 4 * MIB))).toBe(4 * MIB);
    expect(b.told.filter(line => line.startsWith('unmap'))).toHaveLength(runs);
    expect(ioas.pinned).toBe(0);
    expect(b.machine.log.lines).toEqual([]);
  });

  it('maps page by page where large pages are disabled', () => {
    const b = bench();
    const ioas = new IommufdIoas(
      { core: b.machine.iommu, pageSize: 4096, disableLargePages: true },
      b.domain,
    );
    b.machine.call(ioas.map(IOVA, b.memory(8, 3), 0, 8 * 4096, RW));
    expect(b.told).toHaveLength(8);
    expect(b.machine.call(ioas.unmap(IOVA, 4096))).toBe(-ENOENT);
    expect(b.machine.call(ioas.unmap(IOVA, 8 * 4096))).toBe(8 * 4096);
  });
});
