import { describe, expect, it } from 'vitest';
import { PROT_UNKNOWN, UNKNOWN } from '../../../src/kernel/events.ts';
import { bindKernel } from '../../helpers/bound-kernel.ts';
import { EventType, type FieldSpec } from '../../helpers/event-type.ts';
import {
  IOMMU_MAP,
  IOMMU_UNMAP,
  PAGE_ALLOC,
  PAGE_FREE,
  PAGE_FREE_BATCHED,
} from '../../helpers/kernel-events.ts';
import { ARM, MACHINES } from '../../helpers/ring-buffer.ts';

const DEVICE = '0000:00:04.0';
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

const DEVICE_FIELD: FieldSpec = ['__data_loc char[] device', 4];
const DIRECTION: FieldSpec = ['enum dma_data_direction dir', 4];
const ATTRS: FieldSpec = ['unsigned long attrs', 8];

const MAP_PHYS = new EventType('dma', 'dma_map_phys', 521, [
  DEVICE_FIELD,
  ['u64 phys_addr', 8],
  ['u64 dma_addr', 8],
  ['size_t size', 8],
  DIRECTION,
  ATTRS,
]);
const UNMAP_PHYS = new EventType('dma', 'dma_unmap_phys', 522, [
  DEVICE_FIELD,
  ['u64 addr', 8],
  ['size_t size', 8],
  DIRECTION,
  ATTRS,
]);
const ALLOC = new EventType('dma', 'dma_alloc', 523, [
  DEVICE_FIELD,
  ['void * virt_addr', 8],
  ['u64 dma_addr', 8],
  ['size_t size', 8],
  ['gfp_t flags', 4],
  DIRECTION,
  ATTRS,
]);
const FREE = new EventType('dma', 'dma_free', 524, [
  DEVICE_FIELD,
  ['void * virt_addr', 8],
  ['u64 dma_addr', 8],
  ['size_t size', 8],
  DIRECTION,
  ATTRS,
]);
const MAP_SG = new EventType('dma', 'dma_map_sg', 525, [
  DEVICE_FIELD,
  ['int full_nents', 4, 'signed'],
  ['int full_ents', 4, 'signed'],
  ['bool truncated', 1],
  ['__data_loc u64[] phys_addrs', 4],
  ['__data_loc u64[] dma_addrs', 4],
  ['__data_loc unsigned int[] lengths', 4],
  DIRECTION,
  ATTRS,
]);
const UNMAP_SG = new EventType('dma', 'dma_unmap_sg', 526, [
  DEVICE_FIELD,
  ['__data_loc u64[] addrs', 4],
  DIRECTION,
  ATTRS,
]);
const SYNC = new EventType('dma', 'dma_sync_single_for_cpu', 527, [
  DEVICE_FIELD,
  ['u64 dma_addr', 8],
  ['size_t size', 8],
  DIRECTION,
]);
const SYNC_SG = new EventType('dma', 'dma_sync_sg_for_device', 528, [
  DEVICE_FIELD,
  ['__data_loc u64[] dma_addrs', 4],
  ['__data_loc unsigned int[] lengths', 4],
  DIRECTION,
]);

describe.each(MACHINES)('the tracepoints of %s', (_, machine) => {
  it('iommu:map and iommu:unmap name neither domain nor protection', () => {
    const kernel = bindKernel([IOMMU_MAP, IOMMU_UNMAP], machine);
    kernel.emit(
      IOMMU_MAP,
      { iova: 0xf_ffff_f000, paddr: 0x12_3456_7000, size: 4096 },
      { timeNs: 77, cpu: 3, pid: 12 },
    );
    kernel.emit(IOMMU_UNMAP, { iova: 0xf_ffff_f000, size: 4096, unmapped_size: 0 });
    expect(kernel.calls).toEqual([
      ['iommuMap', UNKNOWN, 0xf_ffff_f000, 0x12_3456_7000, 4096, PROT_UNKNOWN],
      ['iommuUnmapBegin', UNKNOWN, 0xf_ffff_f000, 4096],
      ['iommuUnmapEnd', UNKNOWN, 0xf_ffff_f000, 4096, 0],
    ]);
    expect(kernel.moments[0]).toEqual({ timeNs: 77, cpu: 3, pid: 12, context: 12, stack: 0, position: 77 });
    expect(kernel.seen.hasDomains).toBe(false);
  });

  it('kmem has the pages that come and go', () => {
    const kernel = bindKernel([PAGE_ALLOC, PAGE_FREE], machine);
    kernel.emit(PAGE_ALLOC, { pfn: 0x7338, order: 3, gfp_flags: 0x44_0dc0 });
    kernel.emit(PAGE_FREE, { pfn: 0x1_0000_7338, order: 18 });
    expect(kernel.calls).toEqual([
      ['pageAlloc', 0x7338, 3],
      ['pageFree', 0x1_0000_7338, 18],
    ]);
    expect(kernel.seen.hasPageAllocator).toBe(true);
  });

  it('dma has one map and one unmap for each call', () => {
    const kernel = bindKernel([MAP_PHYS, UNMAP_PHYS], machine);
    kernel.emit(MAP_PHYS, {
      device: DEVICE,
      phys_addr: 0x733_a000,
      dma_addr: 0xffff_f000,
      size: 100,
      dir: 2,
      attrs: 0x22,
    });
    kernel.emit(UNMAP_PHYS, { device: DEVICE, addr: 0xffff_f000, size: 100, dir: 1, attrs: 0 });
    expect(kernel.calls).toEqual([
      ['dmaMap', 'single', 1, 0xffff_f000, 100, 0x733_a000, 2, 0x22],
      ['dmaUnmap', 'single', 1, 0xffff_f000, 100, 1, 0],
    ]);
    expect(kernel.names.device(1)).toBe(DEVICE);
    expect(kernel.seen).toMatchObject({ hasDevices: true, hasDmaApi: true });
  });

  it('dma has the addresses of a scatterlist', () => {
    const kernel = bindKernel([MAP_SG, UNMAP_SG, SYNC_SG], machine);
    kernel.emit(MAP_SG, {
      device: DEVICE,
      full_nents: 3,
      full_ents: 2,
      phys_addrs: [0x1000, 0x5_0000_0000, 0x9000],
      dma_addrs: [0xff00_0000, 0xff10_0000],
      lengths: [8192, 4096],
      dir: 1,
      attrs: 0x100,
    });
    kernel.emit(SYNC_SG, {
      device: DEVICE,
      dma_addrs: [0xff00_0000, 0xff10_0000],
      lengths: [8192, 4096],
      dir: 1,
    });
    kernel.emit(UNMAP_SG, { device: DEVICE, addrs: [0x1000, 0x5_0000_0000, 0x9000], dir: 1, attrs: 0 });
    expect(kernel.calls).toEqual([
      [
        'dmaMapSg',
        1,
        {
          phys: [0x1000, 0x5_0000_0000, 0x9000],
          fullNents: 3,
          dmaAddr: [0xff00_0000, 0xff10_0000],
          length: [8192, 4096],
          fullEnts: 2,
        },
        1,
        0x100,
      ],
      ['dmaSync', 1, 0xff00_0000, 8192, 1],
      ['dmaSync', 1, 0xff10_0000, 4096, 1],
      [
        'dmaUnmapSg',
        1,
        { phys: [0x1000, 0x5_0000_0000, 0x9000], fullNents: 3, dmaAddr: [], length: [], fullEnts: 0 },
        1,
        0,
      ],
    ]);
  });
});

describe('kmem events that repeat others', () => {
  it('are passed over: a batched free was traced as a free before, with its order', () => {
    const kernel = bindKernel([PAGE_FREE_BATCHED]);
    kernel.emit(PAGE_FREE_BATCHED, { pfn: 5 });
    expect(kernel.calls).toEqual([]);
    expect(kernel.seen.hasPageAllocator).toBe(false);
  });

  it('of an allocation that failed have no page', () => {
    const kernel = bindKernel([PAGE_ALLOC]);
    kernel.emit(PAGE_ALLOC, { pfn: ALL_ONES, order: 0 });
    expect(kernel.calls).toEqual([]);
    const small = new EventType('kmem', 'mm_page_alloc', 511, [
      ['unsigned long pfn', 4],
      ['unsigned int order', 4],
    ]);
    const arm = bindKernel([small], ARM);
    arm.emit(small, { pfn: 0xffff_ffff, order: 0 });
    arm.emit(small, { pfn: 0x8_0000, order: 1 });
    expect(arm.calls).toEqual([['pageAlloc', 0x8_0000, 1]]);
  });
});

describe('the DMA API', () => {
  it('says by the name of the event which family of calls made a mapping', () => {
    const maps = [
      ['dma_map_page', 'single'],
      ['dma_map_resource', 'single'],
      ['dma_alloc_pages', 'pages'],
      ['dma_alloc_sgt', 'sgt'],
    ] as const;
    for (const [name, kind] of maps) {
      const type = new EventType('dma', name, 530, [
        DEVICE_FIELD,
        ['u64 dma_addr', 8],
        ['size_t size', 8],
        DIRECTION,
      ]);
      const kernel = bindKernel([type]);
      kernel.emit(type, { device: DEVICE, dma_addr: 0x1000, size: 4096, dir: 0 });
      // No physical address and no attributes in this event.
      expect(kernel.calls).toEqual([['dmaMap', kind, 1, 0x1000, 4096, -1, 0, -1]]);
    }
  });

  it('has no mapping where it failed', () => {
    const kernel = bindKernel([MAP_PHYS, ALLOC]);
    kernel.emit(MAP_PHYS, { device: DEVICE, phys_addr: 0x1000, dma_addr: ALL_ONES, size: 4096 });
    kernel.emit(ALLOC, { device: DEVICE, virt_addr: 0, dma_addr: 0, size: 4096 });
    expect(kernel.calls).toEqual([]);
    expect(kernel.seen.hasDmaApi).toBe(false);
  });

  it('may map at address 0, where there is no IOMMU', () => {
    const kernel = bindKernel([MAP_PHYS]);
    kernel.emit(MAP_PHYS, { device: DEVICE, phys_addr: 0, dma_addr: 0, size: 4096 });
    expect(kernel.calls).toHaveLength(1);
  });

  it('names the memory of an allocation by its DMA address, not by its virtual one', () => {
    const kernel = bindKernel([ALLOC, FREE]);
    const memory = { device: DEVICE, virt_addr: 0xff11_0000_0000_0000n, dma_addr: 0xffff_0000, size: 65_536 };
    kernel.emit(ALLOC, { ...memory, flags: 3264, dir: 0 });
    kernel.emit(FREE, { ...memory, dir: 0 });
    expect(kernel.calls).toEqual([
      ['dmaMap', 'coherent', 1, 0xffff_0000, 65_536, -1, 0, 0],
      ['dmaUnmap', 'coherent', 1, 0xffff_0000, 65_536, 0, 0],
    ]);
  });

  it('syncs', () => {
    const kernel = bindKernel([SYNC]);
    kernel.emit(SYNC, { device: DEVICE, dma_addr: 0xffff_0000, size: 64, dir: 2 });
    expect(kernel.calls).toEqual([['dmaSync', 1, 0xffff_0000, 64, 2]]);
  });

  it('has scatterlists that get longer: later ones do not end in remains of earlier ones', () => {
    const kernel = bindKernel([MAP_SG]);
    for (const length of [2, 300, 1]) {
      const list = Array.from({ length }, (_, i) => (i + 1) * 4096);
      kernel.emit(MAP_SG, { device: DEVICE, phys_addrs: list, dma_addrs: list, lengths: list });
    }
    const lists = kernel.calls.map(
      ([, , list]) => list as { phys: number[]; length: number[]; fullEnts: number },
    );
    expect(lists.map(({ phys, length, fullEnts }) => [phys.length, length.at(-1), fullEnts])).toEqual([
      [2, 8192, 2],
      [300, 300 * 4096, 300],
      [1, 4096, 1],
    ]);
  });

  it('has events of no known kind, which mean nothing', () => {
    const type = new EventType('dma', 'dma_map_sg_err', 531, [DEVICE_FIELD, ['int err', 4, 'signed']]);
    const kernel = bindKernel([type]);
    kernel.emit(type, { device: DEVICE, err: -5 });
    expect(kernel.calls).toEqual([]);
  });
});

describe('page_pool', () => {
  const POOL: FieldSpec = ['const struct page_pool * pool', 8];
  const NETMEM: FieldSpec = ['unsigned long netmem', 8];
  const HOLD = new EventType('page_pool', 'page_pool_state_hold', 541, [
    POOL,
    NETMEM,
    ['u32 hold', 4],
    ['unsigned long pfn', 8],
  ]);
  const RELEASE = new EventType('page_pool', 'page_pool_state_release', 542, [
    POOL,
    NETMEM,
    ['u32 release', 4],
    ['unsigned long pfn', 8],
  ]);
  const SHUTDOWN = new EventType('page_pool', 'page_pool_release', 543, [
    POOL,
    ['s32 inflight', 4, 'signed'],
    ['u32 hold', 4],
    ['u32 release', 4],
    ['u64 cnt', 8],
  ]);

  it('takes pages, gives them back, and says how many are out when it goes', () => {
    const kernel = bindKernel([HOLD, RELEASE, SHUTDOWN]);
    const pool = 0xff11_0000_04d8_c000n;
    kernel.emit(HOLD, { pool, netmem: 1, hold: 8, pfn: 0x7368 });
    kernel.emit(RELEASE, { pool, netmem: 1, release: 6, pfn: 0x7368 });
    kernel.emit(SHUTDOWN, { pool, inflight: 2, hold: 8, release: 6, cnt: 1 });
    kernel.emit(SHUTDOWN, { pool, inflight: -1, hold: 8, release: 9, cnt: 2 });
    expect(kernel.calls).toEqual([
      ['poolHold', 1, 0x7368, 8],
      ['poolRelease', 1, 0x7368, 6],
      ['poolShutdown', 1, 2],
      ['poolShutdown', 1, -1],
    ]);
    expect(kernel.names.pool(1)).toBe('0xff11000004d8c000');
    expect(kernel.seen.hasPagePool).toBe(true);
  });
});

describe('a tracepoint without the fields that it should have', () => {
  it.each([
    ['iommu', 'map'],
    ['iommu', 'unmap'],
    ['iommu', 'io_page_fault'],
    ['kmem', 'mm_page_alloc'],
    ['dma', 'dma_map_phys'],
    ['dma', 'dma_unmap_phys'],
    ['dma', 'dma_map_sg'],
    ['dma', 'dma_unmap_sg'],
    ['dma', 'dma_sync_single_for_cpu'],
    ['dma', 'dma_sync_sg_for_cpu'],
    ['page_pool', 'page_pool_state_hold'],
    ['page_pool', 'page_pool_state_release'],
    ['page_pool', 'page_pool_release'],
    ['sched', 'sched_switch'],
  ])('means nothing: %s:%s', (system, name) => {
    const bare = new EventType(system, name, 550, [['u64 pool', 8]]);
    const kernel = bindKernel([bare]);
    kernel.emit(bare, { pool: 1 });
    expect(kernel.calls).toEqual([]);
  });
});

describe('a record that is cut', () => {
  it('has 0 for what is missing, and never reads what is behind it', () => {
    const types = [
      IOMMU_MAP,
      IOMMU_UNMAP,
      PAGE_ALLOC,
      PAGE_FREE,
      MAP_PHYS,
      UNMAP_PHYS,
      ALLOC,
      MAP_SG,
      UNMAP_SG,
      SYNC,
      SYNC_SG,
    ];
    for (const type of types) {
      const kernel = bindKernel([type]);
      const whole = type.record(
        { littleEndian: true, longSize: 8 },
        { device: DEVICE, pfn: 7, phys_addrs: [1, 2], addrs: [1] },
      );
      for (let length = 8; length <= whole.length; length++) {
        kernel.emit(type, { device: DEVICE, pfn: 7, phys_addrs: [1, 2], addrs: [1] }, { cutTo: length });
      }
      kernel.finish();
    }
  });
});
