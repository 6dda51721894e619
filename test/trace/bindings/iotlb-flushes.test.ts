import { describe, expect, it } from 'vitest';
import { UNKNOWN } from '../../../src/kernel/events.ts';
import { bindKernel } from '../../helpers/bound-kernel.ts';
import { EventType, type FieldSpec } from '../../helpers/event-type.ts';
import { at, entryProbe, IOMMU_UNMAP, returnProbe, UNMAP_ENTRY } from '../../helpers/kernel-events.ts';

const DOMAIN = 0xff11_0000_049a_1e00n;
const ALL = Number.POSITIVE_INFINITY;
const DOMAIN_FIELD: FieldSpec = ['u64 domain', 8];

const FLUSH = entryProbe('fq', 650, [DOMAIN_FIELD]);
const FLUSH_RETURN = returnProbe('fq_ret', 651, [DOMAIN_FIELD]);
const SYNC = returnProbe('sync', 652, [DOMAIN_FIELD]);
const SYNC_RANGE = entryProbe('sync_range', 653, [DOMAIN_FIELD, ['u64 start', 8], ['u64 end', 8]]);
const CACHE_TAG = new EventType('intel_iommu', 'cache_tag_flush_range', 654, [
  ['u16 type', 2],
  ['u16 domain_id', 2],
  ['unsigned long start', 8],
  ['unsigned long end', 8],
]);
const QI_SUBMIT = new EventType('intel_iommu', 'qi_submit', 655, [
  ['u64 qw0', 8],
  ['u64 qw1', 8],
]);

describe('a flush of a whole domain', () => {
  it.each(['intel_flush_iotlb_all', 'amd_iommu_flush_iotlb_all', 'arm_smmu_flush_iotlb_all'] as const)(
    'is seen by a probe on %s()',
    name => {
      const kernel = bindKernel([FLUSH]);
      kernel.emit(FLUSH, { ...at(name), domain: DOMAIN });
      expect(kernel.calls).toEqual([['iotlbFlush', 1, 0, ALL]]);
      expect(kernel.seen.hasFlushes).toBe(true);
    },
  );

  it('is told once, when it is complete, as soon as returns were seen', () => {
    const kernel = bindKernel([FLUSH, FLUSH_RETURN]);
    const flush = { ...at('intel_flush_iotlb_all'), domain: DOMAIN };
    for (let i = 0; i < 2; i++) {
      kernel.emit(FLUSH, flush, { timeNs: i * 10 });
      kernel.emit(FLUSH_RETURN, flush, { timeNs: i * 10 + 5 });
    }
    expect(kernel.moments.map(moment => moment?.timeNs)).toEqual([0, 5, 15]);
  });
});

describe('a sync', () => {
  it.each(['intel_iommu_tlb_sync', 'amd_iommu_iotlb_sync', 'arm_smmu_iotlb_sync'] as const)(
    'by %s() is of what the thread has unmapped since its last one',
    name => {
      const kernel = bindKernel([UNMAP_ENTRY, IOMMU_UNMAP, SYNC]);
      const unmap = (iova: number, pid: number): void => {
        kernel.emit(UNMAP_ENTRY, { ...at('__iommu_unmap'), domain: DOMAIN, iova, size: 0x1000 }, { pid });
        kernel.emit(IOMMU_UNMAP, { iova, size: 0x1000, unmapped_size: 0x1000 }, { pid });
      };
      const sync = (pid: number): void => kernel.emit(SYNC, { ...at(name), domain: DOMAIN }, { pid });
      unmap(0x8000, 1);
      unmap(0x5000, 1);
      unmap(0x20000, 2);
      sync(1);
      sync(1);
      sync(2);
      expect(kernel.calls.filter(([method]) => method === 'iotlbFlush')).toEqual([
        ['iotlbFlush', UNKNOWN, 0x5000, 0x4000],
        ['iotlbFlush', UNKNOWN, 0x20000, 0x1000],
      ]);
    },
  );

  it('is of what was gathered, where the probe records that; a queued one flushes nothing', () => {
    const kernel = bindKernel([SYNC_RANGE]);
    const where = at('arm_smmu_iotlb_sync');
    kernel.emit(SYNC_RANGE, { ...where, domain: DOMAIN, start: 0x4000, end: 0x5fff });
    kernel.emit(SYNC_RANGE, { ...where, domain: DOMAIN, start: 0xffff_ffff_ffff_ffffn, end: 0 });
    expect(kernel.calls).toEqual([['iotlbFlush', 1, 0x4000, 0x2000]]);
  });

  it('comes after an unmap that waits for the return of its function, and gives it its domain', () => {
    const unmapReturn = returnProbe('um_out', 656, [
      ['u64 dom', 8],
      ['u64 iova', 8],
      ['u64 size', 8],
      ['u64 done', 8],
    ]);
    const kernel = bindKernel([IOMMU_UNMAP, unmapReturn, SYNC]);
    kernel.emit(IOMMU_UNMAP, { iova: 0x8000, size: 0x1000, unmapped_size: 0x1000 });
    kernel.emit(SYNC, { ...at('intel_iommu_tlb_sync'), domain: DOMAIN });
    kernel.emit(unmapReturn, {
      ...at('iommu_unmap'),
      dom: DOMAIN,
      iova: 0x8000,
      size: 0x1000,
      done: 0x1000,
    });
    expect(kernel.calls).toEqual([
      ['iommuUnmapBegin', 1, 0x8000, 0x1000],
      ['iommuUnmapEnd', 1, 0x8000, 0x1000, 0x1000],
      ['iotlbFlush', UNKNOWN, 0x8000, 0x1000],
    ]);
  });
});

describe('the events of intel_iommu', () => {
  it('tell the range of a flush, of whatever domain', () => {
    const kernel = bindKernel([CACHE_TAG]);
    kernel.emit(CACHE_TAG, { domain_id: 6, start: 0, end: 0xffff_ffff_ffff_ffffn });
    kernel.emit(CACHE_TAG, { domain_id: 6, start: 0x4000, end: 0x4fff });
    expect(kernel.calls).toEqual([
      ['iotlbFlush', UNKNOWN, 0, ALL],
      ['iotlbFlush', UNKNOWN, 0x4000, 0x1000],
    ]);
  });

  it('tell it by the words of a queue entry, where there is nothing better', () => {
    const kernel = bindKernel([QI_SUBMIT, CACHE_TAG, FLUSH]);
    kernel.emit(QI_SUBMIT, { qw0: 0x600e2, qw1: 0 });
    // Two pages: the mask is 1, and the address is that of the second.
    kernel.emit(QI_SUBMIT, { qw0: 0x600f2, qw1: 0xf_ffff_5001n });
    // The interrupt entry cache.
    kernel.emit(QI_SUBMIT, { qw0: 0x1a_0000_0014n, qw1: 0 });
    kernel.emit(CACHE_TAG, { domain_id: 6, start: 0x4000, end: 0x4fff });
    kernel.emit(QI_SUBMIT, { qw0: 0x600e2, qw1: 0 });
    kernel.emit(FLUSH, { ...at('intel_flush_iotlb_all'), domain: DOMAIN });
    kernel.emit(CACHE_TAG, { domain_id: 6, start: 0x4000, end: 0x4fff });
    expect(kernel.calls).toEqual([
      ['iotlbFlush', UNKNOWN, 0, ALL],
      ['iotlbFlush', UNKNOWN, 0xf_ffff_4000, 0x2000],
      ['iotlbFlush', UNKNOWN, 0x4000, 0x1000],
      ['iotlbFlush', 1, 0, ALL],
    ]);
  });
});
