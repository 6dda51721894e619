import { describe, expect, it } from 'vitest';
import { DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, DMA_TO_DEVICE } from '../../../src/kernel/dma.ts';
import type { Device } from '../../../src/machine/device/device.ts';
import { MAPPING_ERROR } from '../../../src/machine/dma-api/dma-debug.ts';
import { Machine } from '../../../src/machine/machine.ts';
import type { MachineOptions } from '../../../src/machine/options.ts';

const PAGE = 4096;
const SKIP_CPU_SYNC = 1 << 5;
const MMIO = 1 << 10;
const CACHELINES_OVERLAP = 1 << 11;
const REQUIRE_COHERENT = 1 << 12;

/** A machine with one driver that uses the DMA API, and what dma-debug says of it. */
class Bench {
  readonly machine: Machine;
  readonly device: Device;

  constructor(options: MachineOptions = {}) {
    this.machine = new Machine({ memoryBytes: 8 << 20, ...options });
    this.device = this.machine.device('0000:00:04.0');
    this.machine.drivers.add(this.device);
    this.machine.call(this.machine.drivers.bind(this.device, 'edu'));
  }

  /** `dma_map_phys()`, and `dma_mapping_error()` behind it. */
  map(phys: number, size = 64, direction = DMA_FROM_DEVICE, attrs = 0): number {
    const { machine, device } = this;
    const address = machine.call(machine.dma.map(device, phys, size, direction, attrs));
    if (machine.dma.mappingError(device, address)) throw new Error('the map failed');
    return address ?? 0;
  }

  unmap(address: number, size = 64, direction = DMA_FROM_DEVICE, attrs = 0): void {
    this.machine.call(this.machine.dma.unmap(this.device, address, size, direction, attrs));
  }

  page(): number {
    return this.machine.allocPages() * PAGE;
  }

  get said(): string[] {
    return this.machine.dmaDebug.errors.map(({ kind }) => kind);
  }
}

describe('dma-debug: memory that is not fit for DMA', () => {
  it('is the stack of the running task, mapped as a page or in a list', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    const [own, other] = [bench.page(), bench.page()];
    machine.areas.addStack(machine.emission.current.pid, own / PAGE, 1);
    machine.areas.addStack(99, other / PAGE, 1);
    bench.map(own);
    bench.map(other);
    expect(bench.said).toEqual(['maps from stack']);
    machine.call(
      machine.dma.mapSg(
        device,
        [other, own].map(phys => ({ phys, size: 64 })),
      ),
    );
    expect(machine.dmaDebug.errors.slice(1)).toMatchObject([{ kind: 'maps from stack', segment: 1 }]);
  });

  it('is the kernel’s text and rodata, also where a buffer only reaches into it', () => {
    const bench = new Bench();
    const page = bench.page();
    bench.machine.areas.addTextOrRodata(page + 128, 256);
    bench.map(page, 128);
    expect(bench.said).toEqual([]);
    bench.map(page, 129);
    bench.map(page + 383, 1);
    bench.map(page + 384, 64);
    expect(bench.said).toEqual(['maps kernel text or rodata', 'maps kernel text or rodata']);
  });

  it('is what a pointer outside the linear mapping leads to; the kernel refuses vmalloc before', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    const map = (area: 'linear' | 'invalid' | 'vmalloc') =>
      machine.call(machine.dma.mapSingle(device, area, machine.allocPages() * PAGE, 64));
    expect([map('linear') === undefined, map('vmalloc')]).toEqual([false, undefined]);
    expect(bench.said).toEqual([]);
    expect(machine.log.countFrom('dma_map_single_attrs')).toBe(1);
    map('invalid');
    machine.dmaDebug.mapSingle(device, 'vmalloc');
    expect(bench.said).toEqual([
      'maps from invalid area',
      'maps from invalid area',
      'maps from vmalloc area',
    ]);
  });

  it('is RAM as a resource, but for reserved pages; device memory is one', () => {
    const bench = new Bench({
      regions: [
        { kind: 'mmio', start: 0xfe00_0000, size: PAGE },
        { kind: 'reserved', start: 4 << 20, size: PAGE },
      ],
    });
    bench.map(0xfe00_0000, 64, DMA_FROM_DEVICE, MMIO);
    bench.map(4 << 20, 64, DMA_FROM_DEVICE, MMIO);
    expect(bench.said).toEqual([]);
    bench.map(bench.page(), 64, DMA_FROM_DEVICE, MMIO);
    expect(bench.said).toEqual(['maps RAM as a resource']);
  });
});

describe('dma-debug: scatterlists that a device does not take', () => {
  it('have an entry that is too long, or a segment across a boundary', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    const phys = machine.allocPages(1) * PAGE;
    const list = (size: number) => machine.call(machine.dma.mapSg(device, [{ phys, size }]));
    device.maxSegmentBytes = PAGE;
    list(PAGE);
    expect(bench.said).toEqual([]);
    list(PAGE + 1);
    expect(bench.said).toEqual(['sg segment too long']);
    device.maxSegmentBytes = 65536;
    device.segmentBoundary = PAGE;
    list(PAGE);
    expect(bench.said).toHaveLength(1);
    list(2 * PAGE);
    expect(bench.said.slice(1)).toEqual(['sg segment across boundary']);
  });
});

describe('dma-debug: overlapping cache lines', () => {
  const bench = () => new Bench({ dmaCacheAlignment: 64 });
  const CLASS = 'overlapping cache lines';

  it('are those that a second mapping begins in, for a device that writes', () => {
    const b = bench();
    const page = b.page();
    b.map(page, 256);
    b.map(page + 63);
    expect(b.said).toEqual([CLASS]);
    // Only the first line of a mapping is entered.
    b.map(page + 64);
    b.map(page, 64, DMA_TO_DEVICE);
    expect(b.said).toEqual([CLASS]);
    b.map(page, 64, DMA_BIDIRECTIONAL);
    expect(b.said).toEqual([CLASS, CLASS]);
  });

  it('are none after the unmap, beside a mapping for reading, nor where DMA is coherent', () => {
    const b = bench();
    const page = b.page();
    b.unmap(b.map(page));
    b.map(page, 64, DMA_TO_DEVICE);
    b.map(page);
    expect(b.said).toEqual([]);
    const coherent = new Bench();
    const shared = coherent.page();
    coherent.map(shared);
    coherent.map(shared);
    expect(coherent.said).toEqual([]);
  });

  it('are not complained of with SKIP_CPU_SYNC, nor where both mappings vouch for them', () => {
    const b = bench();
    const page = b.page();
    b.map(page, 64, DMA_FROM_DEVICE, SKIP_CPU_SYNC);
    b.map(page, 64, DMA_FROM_DEVICE, SKIP_CPU_SYNC);
    expect(b.said).toEqual([]);
    // The one before was entered all the same, and does not vouch.
    b.map(page, 64, DMA_FROM_DEVICE, CACHELINES_OVERLAP);
    expect(b.said).toEqual([CLASS]);
    const clean = b.page();
    b.map(clean, 64, DMA_FROM_DEVICE, CACHELINES_OVERLAP);
    b.map(clean, 64, DMA_FROM_DEVICE, REQUIRE_COHERENT);
    expect(b.said).toHaveLength(1);
    b.map(clean);
    expect(b.said).toHaveLength(2);
  });

  it('are counted to seven, with one warning beyond but for a mapping that vouches, coherent or not', () => {
    const b = new Bench();
    const page = b.page();
    const lines = () => b.machine.log.countFrom('active_cacheline_inc_overlap');
    for (let mapping = 0; mapping < 8; mapping++) b.map(page);
    b.map(page, 64, DMA_FROM_DEVICE, CACHELINES_OVERLAP);
    expect(lines()).toBe(0);
    b.map(page, 64, DMA_FROM_DEVICE, SKIP_CPU_SYNC);
    b.map(page);
    expect(lines()).toBe(1);
    expect(b.machine.log.lines.at(-1)?.text).toBe(
      `exceeded 7 overlapping mappings of cacheline ${page / 64}`,
    );
  });
});

describe('dma-debug: unmaps', () => {
  const PRIVILEGED = 1 << 9;

  it.each([
    ['different size', 32, DMA_FROM_DEVICE, 0],
    ['different direction', 64, DMA_TO_DEVICE, 0],
    ['different attributes', 64, DMA_FROM_DEVICE, PRIVILEGED],
  ])('are told of with a %s, and end the mapping', (kind, size, direction, attrs) => {
    const bench = new Bench();
    const address = bench.map(bench.page());
    bench.unmap(address, size, direction, attrs);
    expect(bench.said).toEqual([kind]);
    bench.unmap(address);
    expect(bench.said.slice(1)).toEqual(['free not allocated']);
  });

  it('are told of all that differs, but for attributes that may', () => {
    const bench = new Bench();
    bench.unmap(bench.map(bench.page()), 64, DMA_FROM_DEVICE, SKIP_CPU_SYNC);
    expect(bench.said).toEqual([]);
    bench.unmap(bench.map(bench.page()), 32, DMA_BIDIRECTIONAL, PRIVILEGED);
    expect(bench.said).toEqual(['different size', 'different direction', 'different attributes']);
  });

  it('of a list with an entry too few are told of for each segment, and leave one pending', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    const entries = [0, 1, 2].map(() => ({ phys: bench.page() + 64, size: 64 }));
    const list = machine.call(machine.dma.mapSg(device, entries));
    if (!list) throw new Error('the map failed');
    const { segments } = list;
    machine.call(
      machine.dma.unmapSg(device, { entries: entries.slice(0, 2), segments: segments.slice(0, 2) }),
    );
    machine.call(machine.drivers.unbind(device));
    expect(bench.said).toEqual(['different sg entries', 'different sg entries', 'pending at unbind']);
  });

  it('tell whether dma_mapping_error() was asked, of pages only', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    bench.unmap(bench.map(bench.page()));
    const list = machine.call(machine.dma.mapSg(device, [{ phys: bench.page(), size: 64 }]));
    if (list) machine.call(machine.dma.unmapSg(device, list));
    expect(bench.said).toEqual([]);
    const address = machine.call(machine.dma.map(device, bench.page(), 64, DMA_FROM_DEVICE));
    bench.unmap(address ?? 0);
    expect(bench.said).toEqual(['map error not checked']);
  });

  it('tell of an unmap of what dma_map_phys() returns when it fails', () => {
    const bench = new Bench();
    bench.unmap(MAPPING_ERROR);
    bench.unmap(0x1234_5000);
    expect(bench.said).toEqual(['free invalid address', 'free not allocated']);
    expect(bench.machine.log.countFrom('iommu_dma_unmap_phys')).toBe(1);
  });

  it('tell of coherent memory that is freed by another CPU address, where the function is right', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    const owner = machine.ownerId('driver');
    const buffer = machine.call(machine.dma.allocCoherent(device, PAGE, owner));
    if (!buffer) throw new Error('no memory');
    machine.call(machine.dma.freeCoherent(device, { ...buffer, pfn: machine.allocPages() }));
    expect(bench.said).toEqual(['different CPU address']);
    const other = machine.call(machine.dma.allocCoherent(device, PAGE, owner));
    bench.unmap(other?.address ?? 0, PAGE, DMA_BIDIRECTIONAL);
    expect(bench.said.slice(1)).toEqual(['wrong function']);
  });
});

describe('dma-debug: syncs', () => {
  const said = (mapped: number, synced: number, forCpu: boolean): string[] => {
    const bench = new Bench();
    const address = bench.map(bench.page(), 64, mapped);
    bench.machine.dma.sync(bench.device, address, 64, synced, forCpu);
    return bench.said;
  };

  it.each([
    [DMA_BIDIRECTIONAL, DMA_TO_DEVICE, true, []],
    [DMA_TO_DEVICE, DMA_TO_DEVICE, true, []],
    [DMA_FROM_DEVICE, DMA_FROM_DEVICE, false, []],
    [DMA_TO_DEVICE, DMA_FROM_DEVICE, true, ['sync different direction', 'sync read-only for cpu']],
    [DMA_TO_DEVICE, DMA_FROM_DEVICE, false, ['sync different direction']],
    [DMA_FROM_DEVICE, DMA_TO_DEVICE, false, ['sync different direction', 'sync write-only to device']],
    [DMA_FROM_DEVICE, DMA_TO_DEVICE, true, ['sync different direction']],
    [DMA_FROM_DEVICE, DMA_BIDIRECTIONAL, false, ['sync different direction', 'sync write-only to device']],
  ])('of a mapping %i as %i, for the CPU: %s', (mapped, synced, forCpu, expected) => {
    expect(said(mapped, synced, forCpu)).toEqual(expected);
  });

  it('beyond the end of a mapping are syncs of what is not mapped', () => {
    const bench = new Bench();
    const address = bench.map(bench.page(), 128);
    const sync = (at: number, size: number) =>
      bench.machine.dma.sync(bench.device, at, size, DMA_FROM_DEVICE, true);
    sync(address + 64, 64);
    expect(bench.said).toEqual([]);
    sync(address + 64, 65);
    expect(bench.said).toEqual(['sync not allocated']);
  });
});

describe('dma-debug: what a driver leaves behind', () => {
  it('is told of PCI devices only, once for each unbind', () => {
    const bench = new Bench();
    const { machine, device } = bench;
    bench.map(bench.page());
    bench.map(bench.page());
    machine.call(machine.drivers.unbind(device));
    machine.call(machine.drivers.bind(device, 'edu'));
    expect(bench.said).toEqual(['pending at unbind']);
    machine.call(machine.drivers.unbind(device));
    expect(bench.said).toHaveLength(2);

    const platform = new Bench();
    platform.device.isPci = false;
    platform.map(platform.page());
    platform.machine.call(platform.machine.drivers.unbind(platform.device));
    expect(platform.said).toEqual([]);
  });
});

it('dma-debug takes of several mappings at one address only one that fits in all', () => {
  const machine = new Machine({ memoryBytes: 8 << 20 });
  const device = machine.device('0000:00:05.0');
  machine.call(machine.drivers.bind(device, 'edu'));
  const phys = machine.allocPages() * PAGE;
  for (const size of [64, 128]) {
    machine.dma.mappingError(device, machine.call(machine.dma.map(device, phys, size, DMA_FROM_DEVICE)));
  }
  const unmap = (size: number) => machine.call(machine.dma.unmap(device, phys, size, DMA_FROM_DEVICE));
  unmap(100);
  expect(machine.dmaDebug.errors.map(({ kind }) => kind)).toEqual(['free not allocated']);
  unmap(128);
  unmap(64);
  expect(machine.dmaDebug.errors).toHaveLength(1);
});
