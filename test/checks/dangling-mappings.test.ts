import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';

describe('one bug is one finding', () => {
  it('when the same free happens ten thousand times', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').wait(1_000_000);
    for (let i = 0; i < 10_000; i++) {
      k.withStack(['__alloc_pages', 'e1000_alloc[e1000e]']).alloc(i);
      k.withStack(['iommu_map', 'e1000_alloc[e1000e]']).dmaMap(NIC, 0x1000, i * 4096, 0x1000);
      k.withStack(['__free_pages', 'e1000_clean[e1000e]']).free(i);
      k.withStack(['iommu_unmap', 'e1000_clean[e1000e]']).dmaUnmap(NIC, 0x1000, 0x1000);
    }
    const finding = k.sole('free-while-mapped');
    expect(finding).toMatchObject({ count: 10_000, pages: 10_000, echoes: 0 });
    expect(finding.title).toContain('page 0x0 freed');
    expect(finding.lastNs).toBeLessThan(k.now);
    expect(finding.firstNs).toBeLessThan(finding.lastNs);
    expect(roles(finding)).toEqual(['allocated', 'mapped', 'freed', 'unmapped']);
  });

  it('when the driver, or the way to the free, is another, it is another bug', () => {
    const k = new KernelScript().withStack(['iommu_map', 'open']);
    for (let pfn = 1; pfn <= 3; pfn++) k.map('A', pfn * 4096, pfn * 4096, 0x1000);
    k.withStack(['__free_pages', 'close']).free(1).free(2);
    k.withStack(['__free_pages', 'error_path']).free(3);
    expect(k.finish().map(({ rule, count }) => [rule, count])).toEqual([
      ['free-while-mapped', 2],
      ['free-while-mapped', 1],
    ]);
  });

  it('when the page goes on from owner to owner: each hand-over is an echo, and two of them are told', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5);
    for (let i = 0; i < 50; i++) k.alloc(5).free(5);
    const finding = k.sole('free-while-mapped');
    expect(finding).toMatchObject({ count: 1, pages: 1, echoes: 100, lastNs: k.now });
    expect(roles(finding)).toEqual(['mapped', 'freed', 'allocated again', 'freed again']);
  });

  it('when the new owner has it as a part of a larger block', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5).alloc(4, 2).free(4, 2);
    expect(k.sole('free-while-mapped')).toMatchObject({ count: 1, pages: 1, echoes: 2 });
  });

  it('is an echo only until the unmap: the next owner is free of it', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5).unmap('A', 0x1000, 0x1000);
    k.alloc(5).free(5);
    expect(k.sole()).toMatchObject({ echoes: 0, reachable: { ended: true } });
  });

  it('but the new owner who frees the page under a mapping of its own has a bug of its own', () => {
    const k = new KernelScript().withStack(['first']).map('A', 0x1000, 0x5000, 0x1000).free(5);
    k.withStack(['second']).alloc(5).map('B', 0x2000, 0x5000, 0x1000).free(5);
    const [first, second] = k.finish();
    expect(first).toMatchObject({ count: 1, echoes: 2, mapping: { domain: 'A' } });
    expect(second).toMatchObject({ count: 1, echoes: 0, mapping: { domain: 'B' }, pages: 1 });
  });

  it('but a page that was unmapped, and is mapped by another, is not one of the first mapping any more', () => {
    const k = new KernelScript().withStack(['first']).map('A', 0x100000, 0x40000, 0x8000).free(0x40);
    k.unmap('A', 0x101000, 0x1000).withStack(['second']).map('B', 0x9000, 0x41000, 0x1000).free(0x41);
    expect(k.finish().map(({ mapping, pages, echoes }) => [mapping?.domain, pages, echoes])).toEqual([
      ['A', 1, 0],
      ['B', 1, 0],
    ]);
  });

  it('when the pages of one large mapping are freed one by one: the incident grows', () => {
    const k = new KernelScript().map('A', 0x100000, 0x40000, 0x10000);
    for (let pfn = 0x40; pfn < 0x50; pfn++) k.free(pfn);
    const finding = k.sole('free-while-mapped');
    expect(finding).toMatchObject({ count: 1, pages: 16, echoes: 0, page: { pfn: '0x40' }, lastNs: k.now });
    expect(finding.mapping).toMatchObject({ iova: '0x100000', sizeBytes: 0x10000 });
  });

  it('when these are many: 256 MiB, freed in pages of 4 KiB and unmapped in them', () => {
    const k = new KernelScript().map('A', 0x1000_0000, 0x1000_0000, 0x1000_0000);
    for (let pfn = 0x10000; pfn < 0x20000; pfn++) k.free(pfn);
    for (let page = 0x10000; page < 0x20000; page++) k.unmap('A', page * 4096, 0x1000);
    expect(k.sole()).toMatchObject({ count: 1, pages: 0x10000, echoes: 0, reachable: { ended: true } });
  });

  it('when blocks of growing size are freed: each page counts once', () => {
    const k = new KernelScript().map('A', 0x100000, 0x40000, 0x10000);
    k.free(0x40).free(0x40, 1).free(0x40, 2).free(0x44, 2);
    expect(k.sole()).toMatchObject({ count: 1, pages: 8, echoes: 0 });
  });

  it('when two mappings reach the pages: each page counts once', () => {
    const k = new KernelScript().map('A', 0x1000, 0x40000, 0x8000).map('B', 0x1000, 0x40000, 0x8000);
    for (let pfn = 0x40; pfn < 0x48; pfn++) k.free(pfn);
    expect(k.sole()).toMatchObject({ count: 1, pages: 8, echoes: 0 });
  });

  it('and a block with a page that was told and one that was not makes a finding of the latter', () => {
    const k = new KernelScript().withStack(['first']).map('A', 0x1000, 0x4000, 0x1000).free(4);
    k.withStack(['second']).map('B', 0x9000, 0x5000, 0x1000).free(4, 1);
    const [first, second] = k.finish();
    expect(first).toMatchObject({ count: 1, pages: 1, echoes: 1, page: { pfn: '0x4' } });
    expect(second).toMatchObject({ count: 1, pages: 1, page: { pfn: '0x5' }, mapping: { iova: '0x9000' } });
    expect(second?.title).toBe('page 0x5 freed while a device can reach it at IOVA 0x9000');
  });

  it('and the end of a domain ends what its mappings could reach', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5).domainFree('A').alloc(5);
    const [finding] = k.finish();
    expect(finding).toMatchObject({ rule: 'free-while-mapped', echoes: 0, reachable: { ended: true } });
  });
});

describe('at the end of everything', () => {
  it('nothing dangles when all was unmapped: every incident has ended, and no page is held against its owner', () => {
    const page = fc.integer({ min: 0, max: 11 });
    const operation = fc.oneof(
      fc.record({
        what: fc.constant('map' as const),
        iova: page,
        pfn: page,
        pages: fc.constantFrom(1, 2, 4),
      }),
      fc.record({ what: fc.constant('unmap' as const), iova: page, pages: fc.constantFrom(1, 2, 4) }),
      fc.record({ what: fc.constantFrom('alloc' as const, 'free' as const), pfn: page, order: fc.nat(2) }),
    );
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 30 }),
        fc.constantFrom(4096, 16384),
        (operations, pageSize) => {
          const k = new KernelScript({ pageSize });
          for (const it of operations) {
            if (it.what === 'map') k.map('A', it.iova * 4096, it.pfn * 4096, it.pages * 4096);
            else if (it.what === 'unmap') k.unmap('A', it.iova * 4096, it.pages * 4096);
            else if (it.what === 'alloc') k.alloc(it.pfn, it.order);
            else k.free(it.pfn, it.order);
          }
          k.unmap('A', 0, 32 * 4096);
          const before = k.finish();
          for (const finding of before) expect(finding.reachable?.ended ?? true).toBe(true);
          k.alloc(0, 6).free(0, 6);
          expect(k.finish()).toEqual(before);
          expect(k.shadow.mappings).toMatchObject({ live: 0, liveBytes: 0 });
        },
      ),
    );
  });
});
