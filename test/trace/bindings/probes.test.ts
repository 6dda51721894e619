import { describe, expect, it } from 'vitest';
import { PROT_UNKNOWN, UNKNOWN } from '../../../src/kernel/events.ts';
import { bindKernel } from '../../helpers/bound-kernel.ts';
import type { FieldSpec } from '../../helpers/event-type.ts';
import {
  at,
  entryProbe,
  FUNCTIONS,
  IOMMU_MAP,
  IOMMU_UNMAP,
  MAP_ENTRY,
  MAP_RETURN,
  returnProbe,
  UNMAP_ENTRY,
} from '../../helpers/kernel-events.ts';
import { ARM, MACHINES } from '../../helpers/ring-buffer.ts';

const DOMAIN = 0xff11_0000_049a_1e00n;
const DEVICE = '0000:00:04.0';

const DEVICE_FIELD: FieldSpec = ['__data_loc char[] dev', 4, 'signed'];
const DOMAIN_FIELD: FieldSpec = ['u64 domain', 8];

describe('probes on iommu_map_nosync() and __iommu_unmap()', () => {
  const TYPES = [MAP_ENTRY, MAP_RETURN, UNMAP_ENTRY, IOMMU_MAP, IOMMU_UNMAP];

  it.each(MACHINES)('join the tracepoints between them, on %s', (_, machine) => {
    const kernel = bindKernel(TYPES, machine);
    const range = { iova: 0xffff_f000, size: 0x1000 };
    kernel.emit(MAP_ENTRY, {
      ...at('iommu_map_nosync'),
      domain: DOMAIN,
      ...range,
      paddr: 0x733_a000,
      prot: 6,
    });
    kernel.emit(IOMMU_MAP, { ...range, paddr: 0x733_a000 });
    kernel.emit(MAP_RETURN, { ...at('iommu_map_nosync'), ret: 0 });
    kernel.emit(UNMAP_ENTRY, { ...at('__iommu_unmap'), domain: DOMAIN, ...range });
    kernel.emit(IOMMU_UNMAP, { ...range, unmapped_size: 0x20_0000 });
    expect(kernel.calls).toEqual([
      ['iommuMap', 1, 0xffff_f000, 0x733_a000, 0x1000, 6],
      ['iommuUnmapBegin', 1, 0xffff_f000, 0x1000],
      ['iommuUnmapEnd', 1, 0xffff_f000, 0x1000, 0x20_0000],
    ]);
    expect(kernel.names.domain(1)).toBe('0xff110000049a1e00');
    expect(kernel.seen.hasDomains).toBe(true);
  });

  it('carry the kernel stacks that were recorded with them', () => {
    const kernel = bindKernel(TYPES);
    const stack = [FUNCTIONS.iommu_map_nosync + 4n, FUNCTIONS.iommu_map + 0x20n];
    kernel.emit(MAP_ENTRY, { ...at('iommu_map_nosync'), domain: DOMAIN, iova: 1 }, { stack });
    kernel.emit(IOMMU_MAP, { iova: 1, size: 4096 });
    expect(
      kernel.names.stack(kernel.moments[0]?.stack ?? 0).map(({ symbol, offset }) => `${symbol}+${offset}`),
    ).toEqual(['iommu_map_nosync+4', 'iommu_map+32']);
    expect(kernel.seen.hasStacks).toBe(true);
  });

  it('mean the same with other names, and with none', () => {
    const fields: readonly string[][] = [
      ['dom', 'iova', 'pa', 'sz', 'prot'],
      ['arg1', 'arg2', 'arg3', 'arg4', 'arg5'],
    ];
    for (const names of fields) {
      const probe = entryProbe(
        'anything',
        610,
        names.map((name): FieldSpec => [`u64 ${name}`, 8]),
      );
      const kernel = bindKernel([probe]);
      const values = Object.fromEntries(
        names.map((name, i) => [name, [DOMAIN, 0x10_0000, 0x20_0000, 4096, 3][i] ?? 0]),
      );
      kernel.emit(probe, { ...at('iommu_map'), ...values });
      expect(kernel.calls).toEqual([['iommuMap', 1, 0x10_0000, 0x20_0000, 4096, 3]]);
    }
  });

  it('may be at the return alone, with the arguments', () => {
    const mapOut = returnProbe('map_out', 610, [
      ['u64 dom', 8],
      ['u64 iova', 8],
      ['u64 pa', 8],
      ['u64 size', 8],
      ['s32 ret', 4, 'signed'],
    ]);
    const unmapOut = returnProbe('um_out', 611, [
      ['u64 dom', 8],
      ['u64 iova', 8],
      ['u64 size', 8],
      ['u64 done', 8],
    ]);
    const kernel = bindKernel([mapOut, unmapOut]);
    const range = { dom: DOMAIN, iova: 0x1000, size: 0x2000 };
    kernel.emit(mapOut, { ...at('iommu_map_nosync'), ...range, pa: 0x9000, ret: 0 });
    kernel.emit(mapOut, { ...at('iommu_map_nosync'), ...range, pa: 0xa000, ret: -17 });
    kernel.emit(unmapOut, { ...at('iommu_unmap_fast'), ...range, done: 0x1000 });
    expect(kernel.calls).toEqual([
      ['iommuMap', 1, 0x1000, 0x9000, 0x2000, PROT_UNKNOWN],
      ['iommuUnmapBegin', 1, 0x1000, 0x2000],
      ['iommuUnmapEnd', 1, 0x1000, 0x2000, 0x1000],
    ]);
  });

  it('without a result at the return count as done', () => {
    const unmapOut = returnProbe('um_out', 611, [DOMAIN_FIELD, ['u64 iova', 8], ['u64 size', 8]]);
    const kernel = bindKernel([unmapOut]);
    kernel.emit(unmapOut, { ...at('iommu_unmap'), domain: DOMAIN, iova: 0x1000, size: 0x2000 });
    expect(kernel.calls.at(-1)).toEqual(['iommuUnmapEnd', 1, 0x1000, 0x2000, 0x2000]);
  });

  it('that lack the domain or the range say nothing', () => {
    const probe = entryProbe('map', 610, [['u64 iova', 8]]);
    const kernel = bindKernel([probe]);
    kernel.emit(probe, { ...at('iommu_map_nosync'), iova: 0x1000 });
    expect(kernel.calls).toEqual([]);
    expect(kernel.seen.hasDomains).toBe(false);
  });
});

describe('the function under a probe', () => {
  it('is what counts, not the name of the event', () => {
    const probe = entryProbe('map', 610, [['u64 arg1', 8]]);
    const kernel = bindKernel([probe]);
    kernel.emit(probe, { ...at('iommu_domain_free'), arg1: DOMAIN });
    expect(kernel.calls).toEqual([['domainFree', 1]]);
  });

  it('may be another one for each record of an event', () => {
    const probe = entryProbe('both', 610, [['u64 arg1', 8]]);
    const kernel = bindKernel([probe]);
    for (const name of ['iommu_domain_free', 'page_pool_destroy', 'kfree', 'iommu_domain_free'] as const) {
      kernel.emit(probe, { ...at(name), arg1: DOMAIN });
    }
    expect(kernel.calls).toEqual([
      ['domainFree', 1],
      ['poolDestroy', 1],
      ['domainFree', 1],
    ]);
  });

  it('that is not known, or has no symbol, means nothing', () => {
    const probe = entryProbe('map', 610, [['u64 arg1', 8]]);
    const kernel = bindKernel([probe]);
    kernel.emit(probe, { ...at('kfree'), arg1: DOMAIN });
    kernel.emit(probe, { __probe_ip: 0x1234, arg1: DOMAIN });
    expect(kernel.calls).toEqual([]);
  });
});

describe('the life of a domain', () => {
  const alloc = entryProbe('domain_alloc', 620, [DEVICE_FIELD]);
  const allocReturn = returnProbe('domain_alloc_ret', 621, [DOMAIN_FIELD]);
  const free = entryProbe('domain_free', 622, [DOMAIN_FIELD]);

  it('begins at the return of its allocation, for the device that the entry named', () => {
    const kernel = bindKernel([alloc, allocReturn, free]);
    const where = at('iommu_paging_domain_alloc_flags');
    kernel.emit(alloc, { ...where, dev: DEVICE }, { pid: 1 });
    kernel.emit(alloc, { ...where, dev: '0000:00:05.0' }, { pid: 2 });
    kernel.emit(allocReturn, { ...where, domain: DOMAIN }, { pid: 1 });
    kernel.emit(free, { ...at('iommu_domain_free'), domain: DOMAIN });
    expect(kernel.calls).toEqual([
      ['domainAlloc', 1, 1],
      ['domainFree', 1],
    ]);
    expect(kernel.names.device(1)).toBe(DEVICE);
    expect(kernel.seen.hasDomainLifetime).toBe(true);
  });

  it('may begin without a device', () => {
    const kernel = bindKernel([allocReturn]);
    kernel.emit(allocReturn, { ...at('iommu_paging_domain_alloc_flags'), domain: DOMAIN });
    expect(kernel.calls).toEqual([['domainAlloc', 1, UNKNOWN]]);
  });

  it('may name device and domain at the return', () => {
    const both = returnProbe('domnew', 621, [DEVICE_FIELD, ['u64 dom', 8]]);
    const kernel = bindKernel([both]);
    kernel.emit(both, { ...at('iommu_paging_domain_alloc_flags'), dev: DEVICE, dom: DOMAIN });
    expect(kernel.calls).toEqual([['domainAlloc', 1, 1]]);
  });

  it.each([
    ['NULL', 0n],
    ['-ENOMEM', 0xffff_ffff_ffff_fff4n],
    ['-4095', 0xffff_ffff_ffff_f001n],
  ])('does not begin with %s', (_, domain) => {
    const kernel = bindKernel([allocReturn]);
    kernel.emit(allocReturn, { ...at('iommu_paging_domain_alloc_flags'), domain });
    expect(kernel.calls).toEqual([]);
  });

  it('of a 32-bit kernel does not begin with an error of 4 bytes either', () => {
    const returned = returnProbe('domnew', 621, [['u32 domain', 4]]);
    const kernel = bindKernel([returned], ARM);
    kernel.emit(returned, { ...at('iommu_paging_domain_alloc_flags'), domain: 0xffff_fff4 });
    kernel.emit(returned, { ...at('iommu_paging_domain_alloc_flags'), domain: 0xc100_0000 });
    expect(kernel.calls).toEqual([['domainAlloc', 1, UNKNOWN]]);
  });

  it('does not begin with a record that is cut before its domain', () => {
    const kernel = bindKernel([allocReturn]);
    kernel.emit(allocReturn, { ...at('iommu_paging_domain_alloc_flags'), domain: DOMAIN }, { cutTo: 28 });
    expect(kernel.calls).toEqual([]);
  });
});

describe('devices and their domains', () => {
  it('are joined by an attach, and when the DMA operations are set up', () => {
    const attach = entryProbe('att', 630, [
      ['u64 arg1', 8],
      ['__data_loc char[] arg2', 4],
    ]);
    const setup = entryProbe('dma_dom', 631, [DEVICE_FIELD, ['u64 dom', 8]]);
    const kernel = bindKernel([attach, setup]);
    kernel.emit(attach, { ...at('__iommu_attach_device'), arg1: DOMAIN, arg2: DEVICE });
    kernel.emit(setup, { ...at('iommu_setup_dma_ops'), dev: DEVICE, dom: DOMAIN + 0x400n });
    expect(kernel.calls).toEqual([
      ['domainAttach', 1, 1],
      ['domainAttach', 2, 1],
    ]);
    expect(kernel.seen.hasDevices).toBe(true);
  });

  it('are announced by a probe on the map call of the DMA API', () => {
    const map = entryProbe('dma_map', 632, [DEVICE_FIELD]);
    const kernel = bindKernel([map]);
    kernel.emit(map, { ...at('iommu_dma_map_page'), dev: DEVICE });
    expect(kernel.calls).toEqual([['dmaMapBegin', 1]]);
  });
});

describe('the life of a driver', () => {
  const probe = entryProbe('bind', 640, [DEVICE_FIELD, ['__data_loc char[] drv', 4]]);
  const cleanup = entryProbe('unbind', 641, [DEVICE_FIELD]);
  const cleanupReturn = returnProbe('unbind_ret', 642, [DEVICE_FIELD]);
  const notify = entryProbe('bus_notify', 643, [DEVICE_FIELD, ['u32 event', 4]]);

  it('goes from really_probe() to device_unbind_cleanup()', () => {
    const kernel = bindKernel([probe, cleanup, cleanupReturn]);
    kernel.emit(probe, { ...at('really_probe'), dev: DEVICE, drv: 'edu' });
    kernel.emit(cleanup, { ...at('device_unbind_cleanup'), dev: DEVICE });
    expect(kernel.seen).toMatchObject({ hasDriverLifecycle: true, hasUnbindEnd: false });
    kernel.emit(cleanupReturn, { ...at('device_unbind_cleanup'), dev: DEVICE });
    expect(kernel.calls).toEqual([
      ['driverProbe', 1, 1],
      ['driverCleanup', 1],
      ['driverUnbound', 1],
    ]);
    expect(kernel.names.driver(1)).toBe('edu');
    expect(kernel.seen.hasUnbindEnd).toBe(true);
  });

  it('is told whole by bus_notify()', () => {
    const kernel = bindKernel([notify]);
    // enum bus_notifier_event: ADD, DEL, REMOVED, BIND, BOUND, UNBIND, UNBOUND, NOT_BOUND
    for (let event = 0; event <= 8; event++) kernel.emit(notify, { ...at('bus_notify'), dev: DEVICE, event });
    expect(kernel.calls).toEqual([
      ['driverProbe', 1, UNKNOWN],
      ['driverUnbound', 1],
      // A failed probe says so before devres releases.
      ['driverCleanup', 1],
    ]);
    expect(kernel.seen).toMatchObject({ hasDriverLifecycle: true, hasUnbindEnd: true });
  });

  it('means nothing without the device', () => {
    const bare = entryProbe('unbind', 641, [['u64 count', 8]]);
    const kernel = bindKernel([bare]);
    kernel.emit(bare, at('device_unbind_cleanup'));
    expect(kernel.calls).toEqual([]);
  });
});

describe('the life of a page_pool', () => {
  const create = returnProbe('pp_new', 645, [['u64 pool', 8], DEVICE_FIELD]);
  const destroy = entryProbe('pp_del', 646, [['u64 pool', 8]]);

  it('begins at the return of its creation and ends at its destruction', () => {
    const kernel = bindKernel([create, destroy]);
    const pool = 0xff11_0000_04d8_c000n;
    kernel.emit(create, { ...at('page_pool_create_percpu'), pool: 0xffff_ffff_ffff_fff4n, dev: DEVICE });
    kernel.emit(create, { ...at('page_pool_create_percpu'), pool, dev: DEVICE });
    kernel.emit(destroy, { ...at('page_pool_destroy'), pool });
    expect(kernel.calls).toEqual([
      ['poolCreate', 1, 1],
      ['poolDestroy', 1],
    ]);
    expect(kernel.seen.hasPoolLifetime).toBe(true);
  });
});
