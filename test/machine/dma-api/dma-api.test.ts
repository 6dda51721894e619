import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/machine/device/device.ts';
import { FROM_DEVICE, TO_DEVICE } from '../../../src/machine/dma-api/dma-api.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { type Call, newRecorder } from '../../helpers/recorder.ts';

const PAGE = 4096;

interface Bench {
  readonly machine: Machine;
  readonly device: Device;
  readonly calls: Call[];
}

function bench(behindIommu: boolean): Bench {
  const { sink, calls } = newRecorder();
  const machine = new Machine({ memoryBytes: 8 << 20 });
  const device = machine.device('0000:00:04.0');
  if (behindIommu) machine.drivers.add(device);
  machine.call(machine.drivers.bind(device, 'edu'));
  machine.tellTo(sink);
  return { machine, device, calls };
}

function methods(calls: readonly Call[]): string[] {
  return calls.map(([method]) => method).filter(method => !/^page(Alloc|Free)$/.test(method));
}

describe('the DMA API', () => {
  it('maps through dma-iommu: a single unmap is told after the IOMMU’s', () => {
    const { machine, device, calls } = bench(true);
    const page = machine.allocPages();
    const address = machine.call(machine.dma.map(device, page * PAGE + 0x100, 64)) ?? 0;
    expect(address % PAGE).toBe(0x100);
    expect(machine.dmaWrite(device, address, 4, 0xabcd).pages).toEqual([page]);
    machine.call(machine.dma.unmap(device, address, 64));
    expect(methods(calls)).toEqual([
      'dmaMapBegin',
      'iommuMap',
      'dmaMap',
      'iommuUnmapBegin',
      'iommuUnmapEnd',
      'iotlbFlush',
      'dmaUnmap',
    ]);
  });

  it('tells of coherent memory and scatterlists before their unmap', () => {
    const { machine, device, calls } = bench(true);
    const buffer = machine.call(machine.dma.allocCoherent(device, 8192, machine.ownerId('driver')));
    if (buffer) machine.call(machine.dma.freeCoherent(device, buffer));
    const order = methods(calls);
    expect(order.indexOf('dmaUnmap')).toBeLessThan(order.indexOf('iommuUnmapBegin'));
    calls.length = 0;
    const entries = [machine.allocPages(), machine.allocPages()].map(pfn => ({
      phys: pfn * PAGE,
      size: PAGE,
    }));
    const list = machine.call(machine.dma.mapSg(device, entries));
    expect(calls.find(([method]) => method === 'dmaMapSg')?.[2]).toMatchObject({
      phys: entries.map(({ phys }) => phys),
      fullNents: 2,
    });
    if (list) machine.call(machine.dma.unmapSg(device, list));
    const after = methods(calls);
    expect(after.indexOf('dmaUnmapSg')).toBeLessThan(after.indexOf('iommuUnmapBegin'));
    expect(machine.dmaDebug.errors).toEqual([]);
  });

  it('gives no event of its own for dma_iova_* maps, and dma-debug does not know them', () => {
    const { machine, device, calls } = bench(true);
    const page = machine.allocPages();
    const address = machine.call(machine.dma.linkIova(device, page * PAGE, PAGE)) ?? 0;
    machine.call(machine.dma.destroyIova(device, address, PAGE));
    expect(methods(calls).filter(method => /^dma(Map|Unmap)$/.test(method))).toEqual([]);
    expect(methods(calls)).toContain('iommuMap');
  });

  it('has physical addresses where no IOMMU translates', () => {
    const { machine, device, calls } = bench(false);
    const page = machine.allocPages();
    expect(machine.call(machine.dma.map(device, page * PAGE, PAGE))).toBe(page * PAGE);
    machine.dmaWrite(device, page * PAGE, 4, 0x1234);
    expect(machine.cpuRead(page)).toBe(0x1234);
    machine.call(machine.dma.unmap(device, page * PAGE, PAGE));
    expect(methods(calls)).toEqual(['dmaMap', 'dmaUnmap']);
  });

  it('bounces what the device cannot reach, and copies when it is told', () => {
    const { machine, device } = bench(false);
    const page = machine.allocator.allocContigRange(2000, 1, machine.ownerId('driver')) ? 2000 : -1;
    device.dmaMask = 1000 * PAGE - 1;
    machine.cpuWrite(page, 0x11);
    const address = machine.call(machine.dma.map(device, page * PAGE, PAGE, TO_DEVICE)) ?? 0;
    expect(address).toBeLessThan(1000 * PAGE);
    expect(machine.memory.read(address)).toBe(0x11);
    machine.call(machine.dma.unmap(device, address, PAGE, TO_DEVICE));

    const back = machine.call(machine.dma.map(device, page * PAGE, PAGE, FROM_DEVICE)) ?? 0;
    machine.dmaWrite(device, back, 4, 0x22);
    expect(machine.cpuRead(page)).toBe(0x11);
    machine.dma.sync(device, back, PAGE, FROM_DEVICE, true);
    expect(machine.cpuRead(page)).toBe(0x22);
    machine.dmaWrite(device, back, 4, 0x33);
    machine.call(machine.dma.unmap(device, back, PAGE, FROM_DEVICE));
    expect(machine.cpuRead(page)).toBe(0x33);
  });

  it('takes the way that is there at the unmap: after a removal that is dma-direct, which does nothing', () => {
    const { machine, device, calls } = bench(true);
    const page = machine.allocPages();
    const address = machine.call(machine.dma.map(device, page * PAGE, PAGE)) ?? 0;
    machine.call(machine.drivers.remove(device));
    calls.length = 0;
    machine.call(machine.dma.unmap(device, address, PAGE));
    expect(methods(calls)).toEqual(['dmaUnmap']);
    expect(machine.truth.deadUnmaps).toMatchObject([{ kind: 'device removed', address }]);
    expect(machine.sanitizer?.refs[page]).toBe(1);
  });
});
