import { describe, expect, it } from 'vitest';
import { type BoundKernel, bindKernel, type Place } from '../../helpers/bound-kernel.ts';
import { at, entryProbe, returnProbe } from '../../helpers/kernel-events.ts';

const VMEMMAP = 0xffd4_0000_0000_0000n;
const ENTRY = entryProbe('bulk_alloc', 700, [
  ['s32 wanted', 4, 'signed'],
  ['u64 pages[63]', 504],
  ['u64 vmemmap', 8],
]);
const RETURN = returnProbe('bulk_alloc_done', 701, [
  ['u64 count', 8],
  ['u64 pages[63]', 504],
]);
const where = at('alloc_pages_bulk_noprof');

const page = (pfn: number): bigint => VMEMMAP + BigInt(pfn) * 64n;

function begin(kernel: BoundKernel, wanted: number, pages: readonly bigint[], place: Place = {}): void {
  kernel.emit(ENTRY, { ...where, wanted, pages, vmemmap: VMEMMAP }, place);
}

function end(kernel: BoundKernel, count: number, pages: readonly bigint[], place: Place = {}): void {
  kernel.emit(RETURN, { ...where, count, pages }, place);
}

function kernel(): BoundKernel {
  return bindKernel([ENTRY, RETURN]);
}

describe('pages that are handed out many at once', () => {
  it('are those that the call has put into its array', () => {
    const told = kernel();
    begin(told, 4, []);
    end(told, 3, [page(0x100), page(0x2345), page(0x101), 0n]);
    expect(told.calls).toEqual([
      ['pageAlloc', 0x100, 0],
      ['pageAlloc', 0x2345, 0],
      ['pageAlloc', 0x101, 0],
    ]);
  });

  it('are not those that the caller had there before, nor what lies behind the array', () => {
    const told = kernel();
    begin(told, 3, [page(7), 0n, page(9), 0n]);
    end(told, 3, [page(7), page(8), page(9), page(10)]);
    expect(told.calls).toEqual([['pageAlloc', 8, 0]]);
  });

  it('are the first 63 of a larger call', () => {
    const told = kernel();
    const pages = Array.from({ length: 63 }, (_, i) => page(0x1000 + i));
    begin(told, 512, []);
    end(told, 512, pages);
    expect(told.calls).toHaveLength(63);
  });

  it('are not guessed at a return whose entry was not seen, or is that of another task', () => {
    const told = kernel();
    end(told, 1, [page(5)]);
    begin(told, 1, [], { pid: 8 });
    end(told, 1, [page(5)], { pid: 9 });
    end(told, 1, [page(6)], { pid: 8 });
    end(told, 1, [page(6)], { pid: 8 });
    expect(told.calls).toEqual([['pageAlloc', 6, 0]]);
  });

  it('are not read out of a record that is too short', () => {
    const told = kernel();
    begin(told, 1, []);
    end(told, 1, [page(5)], { cutTo: 100 });
    expect(told.calls).toEqual([]);
  });
});
