import { describe, expect, it } from 'vitest';
import { bindKernel } from '../../helpers/bound-kernel.ts';
import { EventType, type FieldSpec } from '../../helpers/event-type.ts';
import { at, entryProbe, returnProbe } from '../../helpers/kernel-events.ts';

const DEVICE_FIELD: FieldSpec = ['__data_loc char[] dev', 4];
const RANGE: readonly FieldSpec[] = [
  ['u64 start', 8],
  ['u64 end', 8],
];
const DEVICE = '0000:00:04.0';
const VMEMMAP = 0xffd4_0000_0000_0000n;
const PAGE_OFFSET = 0xff11_0000_0000_0000n;

const TABLE = entryProbe('kpt_q', 660, [['u64 ptdesc', 8]]);
const TABLE_AND_BASE = entryProbe('kpt_q', 661, [
  ['u64 ptdesc', 8],
  ['u64 vmemmap', 8],
]);
const HOLD = new EventType('page_pool', 'page_pool_state_hold', 662, [
  ['const struct page_pool * pool', 8],
  ['unsigned long netmem', 8],
  ['u32 hold', 4],
  ['unsigned long pfn', 8],
]);

describe('a kernel page table that is given up', () => {
  it('is told by its page, where the probe also records vmemmap_base', () => {
    const kernel = bindKernel([TABLE_AND_BASE]);
    kernel.emit(TABLE_AND_BASE, {
      ...at('pagetable_free_kernel'),
      ptdesc: VMEMMAP + 0x7368n * 64n,
      vmemmap: VMEMMAP,
    });
    expect(kernel.calls).toEqual([['kernelTableFree', 0x7368]]);
    expect(kernel.seen.hasKernelTables).toBe(true);
  });

  it('is told once a page_pool has shown where struct pages are', () => {
    const kernel = bindKernel([TABLE, HOLD]);
    const table = { ...at('pagetable_free_kernel'), ptdesc: VMEMMAP + 0x123_4567n * 64n };
    kernel.emit(TABLE, table);
    expect(kernel.seen.hasKernelTables).toBe(false);
    // Memory that is no page says nothing.
    kernel.emit(HOLD, { pool: 1n << 40n, netmem: 0xff11_0000_0000_0001n, hold: 1, pfn: 0 });
    kernel.emit(HOLD, { pool: 1n << 40n, netmem: VMEMMAP + 0x7368n * 64n, hold: 2, pfn: 0x7368 });
    kernel.emit(TABLE, table);
    kernel.emit(TABLE, { ...table, ptdesc: VMEMMAP - 64n });
    expect(kernel.calls.filter(([method]) => method === 'kernelTableFree')).toEqual([
      ['kernelTableFree', 0x123_4567],
    ]);
  });
});

describe('the invalidation for shared virtual addressing', () => {
  const entry = entryProbe('kva', 663, RANGE);
  const back = returnProbe('kva_ret', 664, []);
  const whole = returnProbe('kva_ret', 665, RANGE);
  const where = at('iommu_sva_invalidate_kva_range');

  it('begins at the entry and is complete at the return', () => {
    const kernel = bindKernel([entry, back]);
    kernel.emit(entry, { ...where, start: PAGE_OFFSET, end: 0xffff_ffff_ffff_f000n });
    kernel.emit(back, where);
    const start = Number(PAGE_OFFSET);
    expect(kernel.calls).toEqual([
      ['svaInvalidateBegin', start, Number(0xffff_ffff_ffff_f000n)],
      ['svaInvalidateEnd', 0, Number.POSITIVE_INFINITY],
    ]);
  });

  it('is both at the return, where only that is recorded', () => {
    const kernel = bindKernel([whole]);
    kernel.emit(whole, { ...where, start: 0x1000, end: 0x3000 });
    expect(kernel.calls).toEqual([
      ['svaInvalidateBegin', 0x1000, 0x3000],
      ['svaInvalidateEnd', 0x1000, 0x3000],
    ]);
  });
});

describe('a binding of a device to a process', () => {
  const bind = entryProbe('sva', 666, [DEVICE_FIELD, ['u64 mm', 8]]);
  const bound = returnProbe('sva_ret', 667, [['u64 h', 8]]);
  const whole = returnProbe('sva_on', 668, [DEVICE_FIELD, ['u64 mm', 8], ['u64 h', 8]]);
  const unbind = entryProbe('sva_off', 669, [['u64 h', 8]]);
  const MM = 0xff11_0000_0400_0000n;
  const HANDLE = 0xff11_0000_0500_0000n;

  it('goes from the return of the bind to the unbind of its handle', () => {
    const kernel = bindKernel([bind, bound, unbind]);
    kernel.emit(bind, { ...at('iommu_sva_bind_device'), dev: DEVICE, mm: MM });
    kernel.emit(bound, { ...at('iommu_sva_bind_device'), h: HANDLE });
    kernel.emit(unbind, { ...at('iommu_sva_unbind_device'), h: HANDLE });
    // Bound before the trace began.
    kernel.emit(unbind, { ...at('iommu_sva_unbind_device'), h: HANDLE + 64n });
    expect(kernel.calls).toEqual([
      ['svaBind', 1, 1],
      ['svaUnbind', 1, 1],
    ]);
  });

  it('may be told whole by the return, and does not begin where that is an error', () => {
    const kernel = bindKernel([whole]);
    const where = at('iommu_sva_bind_device');
    kernel.emit(whole, { ...where, dev: DEVICE, mm: MM, h: 0xffff_ffff_ffff_fff4n });
    kernel.emit(whole, { ...where, dev: DEVICE, mm: MM, h: HANDLE });
    expect(kernel.calls).toEqual([['svaBind', 1, 1]]);
  });
});
