import { describe, expect, it } from 'vitest';
import { PROT_UNKNOWN, UNKNOWN } from '../../src/kernel/events.ts';
import { type Played, play, temporaryFiles } from '../helpers/play.ts';
import type { Call } from '../helpers/recorder.ts';
import { rewrite } from '../helpers/rewrite.ts';
import { fixture } from '../helpers/traces.ts';

const files = temporaryFiles();

const UAF = fixture('sanitizer-kernel/uaf.dat');

/** A recording without the page allocator, whose events come by the hundred. */
function withoutPages({ calls }: Played): Call[] {
  return calls.filter(([method]) => method !== 'pageAlloc' && method !== 'pageFree');
}

function stackAt(trace: Played, method: Call[0]): string[] {
  const at = trace.moments[trace.calls.findIndex(([name]) => name === method)];
  return trace.names.stack(at?.stack ?? 0).map(({ symbol, offset, module, address }) => {
    if (symbol === undefined) return `${address}`;
    return `${symbol}+0x${offset?.toString(16)}${module === undefined ? '' : ` [${module}]`}`;
  });
}

describe('a page that is freed while it is mapped, recorded on a kernel with the sanitizer', () => {
  const IOVA = 0xfff_f000;
  const PHYS = 0x733_c000;
  /** `IOMMU_WRITE | IOMMU_CACHE`, and the direction that asks for it. */
  const PROT = 6;
  const FROM_DEVICE = 2;

  it('is told event by event', async () => {
    const trace = await play(UAF);
    expect(withoutPages(trace)).toEqual([
      ['driverProbe', 1, 1],
      ['iommuMap', 1, IOVA, PHYS, 4096, PROT],
      ['dmaMap', 'single', 1, IOVA, 4096, PHYS, FROM_DEVICE, 0],
      ['iommuUnmapBegin', 1, IOVA, 4096],
      ['iommuUnmapEnd', 1, IOVA, 4096, 4096],
      ['dmaUnmap', 'single', 1, IOVA, 4096, FROM_DEVICE, 0],
      ['driverCleanup', 1],
    ]);
    expect(trace.names.device(1)).toBe('0000:00:04.0');
    expect(trace.names.driver(1)).toBe('dmabugs');
    expect(trace.names.domain(1)).toBe('0xff11000000ab5c00');
    expect(trace.gaps).toEqual([]);
  });

  it('is freed and allocated again between its map and its unmap', async () => {
    const { calls } = await play(UAF);
    const methods = calls.map(([method]) => method);
    const mapped = calls.slice(methods.indexOf('iommuMap') + 1, methods.indexOf('iommuUnmapBegin'));
    const pfn = PHYS / 4096;
    expect(mapped.filter(([method, first]) => method.startsWith('page') && first === pfn)).toEqual([
      ['pageFree', pfn, 0],
      ['pageAlloc', pfn, 0],
    ]);
  });

  it('is told with times, threads and places', async () => {
    const { calls, moments, names } = await play(UAF);
    const at = moments[calls.findIndex(([method]) => method === 'iommuMap')];
    expect(at).toMatchObject({ timeNs: 9_922_802_434, cpu: 1, pid: 81, context: 81 });
    expect(names.task(81)).toBe('insmod');
    expect(names.locate(at?.position ?? -1)).toEqual({ file: UAF, offset: 36_876, inChunk: 24_136 });
    expect(
      moments.every((moment, i) => i === 0 || (moment?.timeNs ?? 0) >= (moments[i - 1]?.timeNs ?? 0)),
    ).toBe(true);
  });

  it('has the stacks of map and unmap, from the probe down to the system call', async () => {
    const trace = await play(UAF);
    expect(stackAt(trace, 'iommuMap')).toEqual([
      'fentry_trace_func+0x1b4',
      'fentry_dispatcher+0x39',
      'fprobe_ftrace_entry+0x16e',
      'arch_ftrace_ops_list_func+0x12f',
      'ftrace_call+0x5',
      'iommu_map_nosync+0x9',
      'iommu_map+0x1f',
      '__iommu_dma_map+0xee',
      'iommu_dma_map_phys+0xc0',
      'dma_map_phys+0x2f6',
      // The driver: trace-cmd took the symbols down before it was loaded.
      '0xffffffffa0003555',
      'pci_device_probe+0xba',
      'really_probe+0xb6',
      'driver_probe_device+0x1f',
      '__driver_attach+0x84',
      'bus_for_each_dev+0x75',
      'bus_add_driver+0xe4',
      'driver_register+0x59',
      'do_one_initcall+0x55',
      'do_init_module+0x60',
      'init_module_from_file+0xa2',
      '__x64_sys_finit_module+0x150',
      'do_syscall_64+0x46',
      'entry_SYSCALL_64_after_hwframe+0x4b',
    ]);
    expect(stackAt(trace, 'iommuUnmapBegin').slice(3, 6)).toEqual([
      'ftrace_trampoline+0xc8 [__builtin__ftrace]',
      '__iommu_unmap+0x5',
      '__iommu_dma_unmap+0xa5',
    ]);
    expect(trace.names.stacks.count).toBe(129);
  });

  it('says what the recording can tell', async () => {
    const { capabilities, result } = await play(UAF);
    expect(capabilities).toMatchObject({
      hasDomains: true,
      hasDevices: true,
      hasDmaApi: true,
      hasDriverLifecycle: true,
      hasUnbindEnd: false,
      hasPageAllocator: true,
      hasEveryAllocation: false,
      hasStacks: true,
      hasPagePool: false,
      hasPoolLifetime: false,
      hasFlushes: false,
      hasFaults: false,
      hasSlab: false,
      hasKernelTables: false,
      hasTableUnlinks: false,
    });
    expect(result).toMatchObject({ events: 852, firstNs: 9_643_711_557, lastNs: 10_460_395_083 });
    expect(result.perCpu.map(({ cpu, events }) => [cpu, events])).toEqual([
      [0, 526],
      [1, 326],
    ]);
  });

  it('is the same in all forms of the file', async () => {
    const trace = await play(UAF);
    const zlib = (await rewrite(fixture('forms/uaf-v7-none.dat'), { version: 7, compression: 'zlib' })).bytes;
    const old = (await rewrite(fixture('forms/uaf-v6.dat'), { version: 7, hasPageSize: false })).bytes;
    const forms = [
      fixture('forms/uaf-v6.dat'),
      fixture('forms/uaf-v7-none.dat'),
      fixture('forms/uaf-v7-zstd.dat'),
      files.write('uaf-v7-zlib.dat', zlib),
      files.write('uaf-v7-old.dat', old),
    ];
    for (const path of forms) {
      const other = await play(path);
      expect(other.calls, path).toEqual(trace.calls);
      expect(other.moments.map(at => [at?.timeNs, at?.cpu, at?.context, at?.stack])).toEqual(
        trace.moments.map(at => [at?.timeNs, at?.cpu, at?.context, at?.stack]),
      );
      expect(stackAt(other, 'iommuMap')).toEqual(stackAt(trace, 'iommuMap'));
      expect(other.names.task(81)).toBe('insmod');
      expect(other.gaps).toEqual([]);
    }
  });
});

describe('the same on a stock kernel', () => {
  it('is told alike, without stacks', async () => {
    const trace = await play(fixture('stock-kernel/uaf.dat'));
    expect(withoutPages(trace).map(([method]) => method)).toEqual([
      'driverProbe',
      'iommuMap',
      'dmaMap',
      'iommuUnmapBegin',
      'iommuUnmapEnd',
      'dmaUnmap',
      'driverCleanup',
    ]);
    expect(stackAt(trace, 'iommuMap')).toEqual([]);
    expect(trace.capabilities.hasStacks).toBe(false);
  });

  it('with a buffer that ran over says what was lost, before anything else', async () => {
    const { calls, moments } = await play(fixture('stock-kernel/overrun.dat'));
    expect(calls.filter(([method]) => method === 'eventsLost')).toEqual([
      ['eventsLost', 0, 20_956, Number.NEGATIVE_INFINITY, 45_513_377_751],
    ]);
    expect(calls[0]?.[0]).toBe('eventsLost');
    expect(moments.filter(at => at?.cpu === 0).every(at => (at?.timeNs ?? 0) >= 45_513_377_751)).toBe(true);
  });
});

describe('NVMe reads on Linux 6.1, with kprobes and without events of the DMA API', () => {
  it('are mapped by a task and unmapped by an interrupt', async () => {
    const trace = await play(fixture('linux-6.1/k61.dat'));
    const [begin, map, unmapBegin, unmapEnd] = withoutPages(trace);
    expect([begin, map, unmapBegin, unmapEnd]).toEqual([
      ['dmaMapBegin', 1],
      ['iommuMap', 1, 0xfffa_0000, 0x2cd_4000, 0x1_0000, 6],
      ['iommuUnmapBegin', 1, 0xfffa_0000, 0x1_0000],
      ['iommuUnmapEnd', 1, 0xfffa_0000, 0x1_0000, 0x1_0000],
    ]);
    const context = (method: Call[0]): number =>
      trace.moments[trace.calls.findIndex(([name]) => name === method)]?.context ?? 0;
    expect(context('iommuMap')).toBe(127);
    expect(context('iommuUnmapBegin')).toBeLessThan(0);
    expect(trace.names.device(1)).toBe('0000:00:03.0');
  });

  it('unmap exactly what was mapped', async () => {
    const { calls } = await play(fixture('linux-6.1/k61.dat'));
    const live = new Set<string>();
    let unmapped = 0;
    for (const [method, domain, iova] of calls) {
      if (method === 'iommuMap') live.add(`${domain} ${iova}`);
      // Some mappings are older than the recording.
      if (method === 'iommuUnmapBegin' && live.delete(`${domain} ${iova}`)) unmapped++;
    }
    expect(unmapped).toBeGreaterThan(100);
  });
});

describe('a driver that does other things', () => {
  it('has page_pool events', async () => {
    const trace = await play(fixture('sanitizer-kernel/pp_leak.dat'));
    const pool = withoutPages(trace).filter(([method]) => method.startsWith('pool'));
    expect(pool.filter(([method]) => method === 'poolHold').map(([, , , count]) => count)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(pool.filter(([method]) => method === 'poolRelease')).toHaveLength(6);
    expect(pool.find(([method]) => method === 'poolShutdown')).toEqual(['poolShutdown', 1, 2]);
    expect(pool.find(([method]) => method === 'poolDestroy')).toEqual(['poolDestroy', 1]);
    expect(trace.capabilities.hasPagePool).toBe(true);
  });

  it('has a map that the kernel refuses midway, and takes back', async () => {
    const trace = await play(fixture('sanitizer-kernel/dom_overlap_map.dat'));
    const calls = withoutPages(trace).filter(
      ([method]) => method.startsWith('iommu') || method.startsWith('domain'),
    );
    expect(calls).toEqual([
      ['domainAlloc', 1, 1],
      ['iommuMap', 1, 0x4000_0000, 0x4c0_0000, 16_384, 1],
      ['iommuMap', 1, 0x3fff_e000, 0x4c4_0000, 8192, 1],
      ['iommuUnmapBegin', 1, 0x3fff_e000, 8192],
      ['iommuUnmapEnd', 1, 0x3fff_e000, 8192, 8192],
      ['iommuUnmapBegin', 1, 0x4000_0000, 16_384],
      ['iommuUnmapEnd', 1, 0x4000_0000, 16_384, 16_384],
      ['domainFree', 1],
    ]);
  });

  it('has an unmap that removes more than it was asked to', async () => {
    const trace = await play(fixture('sanitizer-kernel/dom_over_unmap.dat'));
    const ends = trace.calls.filter(([method]) => method === 'iommuUnmapEnd');
    expect(ends.map(([, , , size, unmapped]) => [size, unmapped])).toEqual([[4096, 0x20_0000]]);
  });

  it('names no domain and no protection that it does not know', async () => {
    const { calls } = await play(fixture('sanitizer-kernel/fuzz-1.dat'));
    const maps = calls.filter(([method]) => method === 'iommuMap');
    expect(maps.length).toBeGreaterThan(50);
    expect(maps.filter(([, domain, , , , prot]) => domain === UNKNOWN || prot === PROT_UNKNOWN)).toEqual([]);
  });
});
