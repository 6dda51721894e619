import { describe, expect, it } from 'vitest';
import { silentEvents } from '../../../src/kernel/silent-events.ts';
import type { Device } from '../../../src/machine/device/device.ts';
import { DmaIommu } from '../../../src/machine/dma-iommu/dma-iommu.ts';
import { layOutSegments, segmentsOf } from '../../../src/machine/dma-iommu/sg-segments.ts';
import type { IommuDomain } from '../../../src/machine/iommu/domain.ts';
import { Machine } from '../../../src/machine/machine.ts';
import type { MachineOptions } from '../../../src/machine/options.ts';
import { IOMMU_READ, IOMMU_WRITE } from '../../../src/machine/page-tables/page-table.ts';

const RW = IOMMU_READ | IOMMU_WRITE;

interface Bench {
  readonly machine: Machine;
  readonly dma: DmaIommu;
  readonly domain: IommuDomain;
  readonly device: Device;
  readonly told: string[];
}

function bench(type: 'dma' | 'dma-fq', options: MachineOptions = {}): Bench {
  const told: string[] = [];
  const hex = (value: number): string => value.toString(16);
  const machine = new Machine(options, {
    ...silentEvents,
    iommuMap: (_at, _domain, iova, phys, size) =>
      void told.push(`map ${hex(iova)} ${hex(phys)} ${hex(size)}`),
    iommuUnmapEnd: (_at, _domain, iova, size) => void told.push(`unmap ${hex(iova)} ${hex(size)}`),
    iotlbFlush: (_at, _domain, iova, size) => void told.push(`flush ${hex(iova)} ${hex(size)}`),
  });
  const device = machine.device('0000:00:04.0');
  const domain = machine.domainAlloc('default', type, device);
  machine.domains.attach(device, domain);
  const dma = new DmaIommu({
    core: machine.iommu,
    timers: machine.timers,
    cpus: 2,
    freeTables: tables => {
      for (const table of tables) machine.allocator.put(table / 4096);
    },
  });
  return { machine, dma, domain, device, told };
}

describe('dma-iommu', () => {
  it('maps whole pages around a buffer, from 4 GiB downwards', () => {
    const { machine, dma, domain, told } = bench('dma');
    const page = machine.allocPages(1);
    const address = machine.call(dma.mapPhys(domain, page * 4096 + 0xf00, 0x200, RW));
    expect(address).toBe(0xffff_ef00);
    machine.call(dma.unmap(domain, 0xffff_ef00, 0x200));
    const phys = (page * 4096).toString(16);
    expect(told).toEqual([`map ffffe000 ${phys} 2000`, 'unmap ffffe000 2000', 'flush ffffe000 2000']);
    expect(machine.log.lines).toEqual([]);
  });

  it('keeps clear of the MSI window', () => {
    const { machine, dma, domain } = bench('dma');
    const first = machine.call(dma.mapPhys(domain, 2 ** 36, 0x100_0000, RW)) as number;
    const second = machine.call(dma.mapPhys(domain, 2 ** 36, 0x100_0000, RW)) as number;
    expect(first).toBe(0xff00_0000);
    expect(second).toBe(0xfd00_0000);
  });

  it('gives IOVAs beyond 4 GiB when those below are used up, and says so once', () => {
    const { machine, dma, domain } = bench('dma', { memoryBytes: 16 << 20 });
    const map = (): number | undefined => machine.call(dma.mapPhys(domain, 2 ** 40, 2 ** 30, RW));
    const addresses = Array.from({ length: 5 }, map);
    expect(addresses.slice(0, 3)).toEqual([2 ** 31, 2 ** 30, 2 ** 48 - 2 ** 30]);
    expect(machine.log.countFrom('iommu_dma_alloc_iova')).toBe(1);
  });

  it('strict: the device faults after the unmap', () => {
    const { machine, dma, domain, device } = bench('dma');
    const page = machine.allocPages();
    const address = machine.call(dma.mapPhys(domain, page * 4096, 4096, RW)) as number;
    expect(machine.dmaWrite(device, address, 4).fault).toBeUndefined();
    machine.call(dma.unmap(domain, address, 4096));
    expect(machine.dmaWrite(device, address, 4).fault).toBe('not-present');
  });

  it('lazy: flushes all of the domain 10 ms later, and hands the IOVA out only then', () => {
    const { machine, dma, domain, told } = bench('dma-fq');
    const page = machine.allocPages();
    const address = machine.call(dma.mapPhys(domain, page * 4096, 4096, RW)) as number;
    machine.call(dma.unmap(domain, address, 4096));
    const other = machine.call(dma.mapPhys(domain, page * 4096, 4096, RW)) as number;
    expect(other).toBe(address - 4096);
    expect(told.filter(line => line.startsWith('flush'))).toEqual([]);
    machine.scheduler.sleep(10e6);
    expect(told.filter(line => line.startsWith('flush'))).toEqual(['flush 0 Infinity']);
    expect(machine.call(dma.mapPhys(domain, page * 4096, 4096, RW))).toBe(address);
  });

  it('lazy: the tables of an unmap are freed after the flush', () => {
    const { machine, dma, domain } = bench('dma-fq');
    machine.call(dma.mapPhys(domain, 2 ** 40 + 4096, 4096, RW));
    const before = machine.allocator.freePages;
    const address = machine.call(dma.mapPhys(domain, 2 ** 40 + 4096, 2 ** 21, RW)) as number;
    expect(machine.allocator.freePages).toBe(before - 1);
    machine.call(dma.unmap(domain, address, 2 ** 21));
    expect(machine.allocator.freePages).toBe(before - 1);
    machine.scheduler.sleep(10e6);
    expect(machine.allocator.freePages).toBe(before);
  });

  it('gives the IOVA back when the map fails', () => {
    const { machine, dma, domain } = bench('dma');
    machine.iommu.faults.syncMapFails = true;
    expect(machine.call(dma.mapPhys(domain, 2 ** 40, 4096, RW))).toBeUndefined();
    expect(machine.call(dma.mapPhys(domain, 2 ** 40, 4096, RW))).toBe(0xffff_f000);
  });

  it('warns where less or more is unmapped than was asked', () => {
    const { machine, dma, domain } = bench('dma');
    machine.call(dma.unmap(domain, 0xffff_f000, 4096));
    expect(machine.log.countFrom('__iommu_dma_unmap')).toBe(1);
  });

  it('maps a scatterlist into one range and undoes it in one unmap', () => {
    const { machine, dma, domain, told } = bench('dma');
    const list = [
      { phys: 0x100_0200, size: 0xe00 },
      { phys: 0x200_0000, size: 0x1000 },
      { phys: 0x200_1000, size: 0x800 },
    ];
    const segments = machine.call(dma.mapSg(domain, list, RW));
    expect(segments).toEqual([{ address: 0xffff_c200, size: 0xe00 + 0x1000 + 0x800 }]);
    machine.call(dma.unmapSg(domain, segments));
    expect(told).toEqual([
      'map ffffc000 1000000 1000',
      'map ffffd000 2000000 2000',
      'unmap ffffc000 3000',
      'flush ffffc000 3000',
    ]);
  });
});

describe('segments of a scatterlist', () => {
  it('are split where an entry begins or ends within a page, and at 64 KiB', () => {
    const list = [
      { phys: 0x1000, size: 0x800 },
      { phys: 0x5000, size: 0x1000 },
      { phys: 0x9800, size: 0x800 },
      { phys: 0x10_0000, size: 0x1_0000 },
    ];
    const layout = layOutSegments(list, 4096);
    expect(layout.bytes).toBe(0x1_3000);
    expect(segmentsOf(list, layout, 0x10_0000)).toEqual([
      { address: 0x10_0000, size: 0x800 },
      { address: 0x10_1000, size: 0x1000 },
      { address: 0x10_2800, size: 0x800 },
      { address: 0x10_3000, size: 0x1_0000 },
    ]);
  });

  it('do not cross a boundary of 4 GiB', () => {
    const list = [
      { phys: 0, size: 2 ** 31 },
      { phys: 2 ** 40, size: 2 ** 31 - 4096 },
      { phys: 2 ** 41, size: 2 ** 30 },
    ];
    expect(layOutSegments(list, 4096).mapped.map(({ size }) => size)).toEqual([2 ** 31, 2 ** 31, 2 ** 30]);
  });
});
