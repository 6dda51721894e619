import { describe, expect, it } from 'vitest';
import { KernelScript } from '../helpers/kernel-script.ts';

const KIB16 = 0x4000;
const KIB64 = 0x10000;

describe.each([
  ['16 KiB', KIB16],
  ['64 KiB', KIB64],
])('a kernel with pages of %s and an IOMMU with pages of 4 KiB', (_name, pageSize) => {
  const kernel = (accounting: 'exact' | 'kernel' = 'exact') => new KernelScript({ pageSize, accounting });

  it('reaches a page by any 4 KiB of it', () => {
    for (let offset = 0; offset < pageSize; offset += 0x1000) {
      const k = kernel()
        .map('A', 0x1000, 5 * pageSize + offset, 0x1000)
        .free(4)
        .free(6)
        .free(5);
      const page = { pfn: '0x5', phys: `0x${(5 * pageSize).toString(16)}` };
      expect(k.sole('free-while-mapped')).toMatchObject({ page, pages: 1 });
    }
  });

  it('does not reach it any more when all of it is unmapped, piece by piece', () => {
    const k = kernel().map('A', 0x100000, 5 * pageSize, pageSize);
    for (let offset = 0; offset < pageSize; offset += 0x1000) k.unmap('A', 0x100000 + offset, 0x1000);
    expect(k.free(5).rules()).toEqual([]);
  });

  it('reaches it still when all but one 4 KiB are unmapped, in both accountings', () => {
    for (const accounting of ['exact', 'kernel'] as const) {
      const k = kernel(accounting).map('A', 0x100000, 5 * pageSize, pageSize);
      k.unmap('A', 0x100000, pageSize - 0x1000).free(5);
      expect(k.sole('free-while-mapped')).toMatchObject({ pages: 1, page: { pfn: '0x5' } });
      expect(k.shadow.accounting.kernelWarnings).toBe(accounting === 'exact' ? undefined : 1);
    }
  });

  it('counts kernel pages, not those of the IOMMU', () => {
    const k = kernel()
      .map('A', 0x100000, 4 * pageSize, 4 * pageSize)
      .free(4, 2);
    expect(k.sole('free-while-mapped')).toMatchObject({
      pages: 4,
      title: 'page 0x4 and 3 more pages freed while a device can reach it at IOVA 0x100000',
    });
  });

  it('counts a mapping that begins and ends within pages by the pages that it touches', () => {
    const k = kernel()
      .map('A', 0x100000, 4 * pageSize + 0x1000, pageSize)
      .free(4, 2);
    expect(k.sole('free-while-mapped')).toMatchObject({ pages: 2, mapping: { sizeBytes: pageSize } });
  });

  it('grows an incident by kernel pages', () => {
    const k = kernel().map('A', 0x100000, 4 * pageSize, 4 * pageSize);
    for (const pfn of [4, 5, 6, 7]) k.free(pfn);
    expect(k.sole('free-while-mapped')).toMatchObject({ pages: 4, count: 1, echoes: 0 });
  });

  it('tells the next owner of such a page as an echo', () => {
    const k = kernel()
      .map('A', 0x100000, 5 * pageSize, 0x1000)
      .free(5)
      .alloc(5)
      .free(5);
    expect(k.sole('free-while-mapped')).toMatchObject({ count: 1, echoes: 2 });
  });

  it('does not take a page for another whose number is that of a frame', () => {
    // Frame 0x50 is in another page than number 0x50.
    for (const accounting of ['exact', 'kernel'] as const) {
      const k = kernel(accounting).map('A', 0x1000, 0x50 * 4096, 0x1000);
      k.free(Math.floor((0x50 * 4096) / pageSize));
      k.as('other')
        .withStack(['other'])
        .map('A', 0x100000, 0x50 * pageSize, 0x1000)
        .free(0x50);
      expect(k.finish().map(({ page, echoes }) => [page?.pfn, echoes])).toEqual([
        [`0x${Math.floor((0x50 * 4096) / pageSize).toString(16)}`, 0],
        ['0x50', 0],
      ]);
    }
  });

  it('sizes an over-unmap in kernel pages', () => {
    const k = kernel().map('A', 0x200000, 0x40000000, 0x200000).unmap('A', 0x200000, pageSize, 0x200000);
    expect(k.sole('unmap-larger-than-requested').pages).toBe(0x200000 / pageSize - 1);
  });
});
