import { describe, expect, it } from 'vitest';
import { ALL_CHECKS } from '../../src/checks/all-checks.ts';
import { BIDIRECTIONAL, FROM_DEVICE, KernelScript, roles, TO_DEVICE } from '../helpers/kernel-script.ts';

const NIC = '0000:00:02.0';
const DISK = '0000:00:01.0';
const SKIP_CPU_SYNC = 1 << 5;

/** The rules of this file are off by default. */
const only = (id: string): KernelScript =>
  new KernelScript({ checks: ALL_CHECKS.filter(({ rule }) => rule.id === id) });

describe('multiple-map', () => {
  const k = (): KernelScript =>
    only('multiple-map')
      .withStack(['dma_map_page_attrs', 'xmit[e1000e]'])
      .dmaMap(NIC, 0x8040, 0x5_0040, 1522);

  it('tells of two buffers in one page', () => {
    const finding = k().dmaMap(NIC, 0x9840, 0x5_0840, 1522).sole('multiple-map');
    expect(finding).toMatchObject({
      severity: 'note',
      title: `page 0x50 mapped at IOVA 0x9000 while it is mapped at 0x8000 for ${NIC}`,
      page: { pfn: '0x50' },
      mapping: { iova: '0x8000' },
    });
    expect(roles(finding)).toEqual(['mapped', 'mapped again']);
  });

  it('tells of a page within reach of two devices', () => {
    const twice = k().domainAttach(`domain of ${DISK}`, DISK).dmaMap(DISK, 0x1000, 0x5_0000, 4096);
    expect(twice.sole().title).toBe(`page 0x50 mapped for ${DISK} while it is mapped for ${NIC}`);
  });

  it('searches no more than it must, and counts all the same', () => {
    const many = k();
    for (let n = 1; n <= 200; n++) many.dmaMap(NIC, 0x10_0000 + n * 4096, 0x5_0000, 64);
    const { count, echoes } = many.sole();
    expect([count, echoes]).toEqual([64, 136]);
  });

  it('is silent for neighbours, after the unmap, and for a map in the same place', () => {
    expect(k().dmaMap(NIC, 0x9000, 0x5_1000, 4096).rules()).toEqual([]);
    expect(k().dmaUnmap(NIC, 0x8040, 1522).dmaMap(NIC, 0x9000, 0x5_0000, 4096).rules()).toEqual([]);
    expect(k().map(`domain of ${NIC}`, 0x8000, 0x5_0000, 4096).rules()).toEqual([]);
  });
});

describe('dma-overlap', () => {
  const k = (direction = FROM_DEVICE): KernelScript =>
    only('dma-overlap').dmaMap(NIC, 0x8000, 0x5_0000, 100, { direction });

  it('tells of a cache line that two buffers share, for writing', () => {
    const finding = k().dmaMap(NIC, 0x9070, 0x5_0070, 64, { direction: BIDIRECTIONAL }).sole('dma-overlap');
    expect(finding).toMatchObject({
      severity: 'note',
      title: `${NIC} mapped 64 bytes at 0x50070, in a cache line that a mapping of ${NIC} shares`,
      facts: [
        { name: 'New mapping', value: '64 bytes at 0x50070, BIDIRECTIONAL' },
        { name: 'Other mapping', value: '100 bytes at 0x50000, FROM_DEVICE' },
      ],
    });
  });

  it('tells of a whole buffer that is mapped twice, across pages too', () => {
    const long = only('dma-overlap').dmaMap(NIC, 0x8000, 0x5_0000, 0x3000, { direction: FROM_DEVICE });
    expect(long.dmaMap(DISK, 0x8000, 0x5_2fc0, 64, { direction: FROM_DEVICE }).rules()).toEqual([
      'dma-overlap',
    ]);
  });

  it('tells of a buffer that is mapped twice where no IOMMU translates, until both are unmapped', () => {
    const way = { direction: FROM_DEVICE };
    const once = () => only('dma-overlap').dmaMap(NIC, 0x5_0000, 0x5_0000, 100, way);
    expect(once().dmaMap(NIC, 0x5_0000, 0x5_0000, 64, way).rules()).toEqual(['dma-overlap']);
    const left = once().dmaMap(NIC, 0x5_0000, 0x5_0000, 64, way).dmaUnmap(NIC, 0x5_0000, 64, way);
    expect(left.dmaMap(NIC, 0x5_0040, 0x5_0040, 8, way).sole().count).toBe(2);
    expect(left.dmaUnmap(NIC, 0x5_0000, 100, way).dmaUnmap(NIC, 0x5_0040, 8, way).sole().count).toBe(2);
  });

  it('is silent for the next cache line, for reading, and after the unmap', () => {
    const next = { direction: FROM_DEVICE };
    expect(k().dmaMap(NIC, 0x9080, 0x5_0080, 64, next).rules()).toEqual([]);
    expect(k(TO_DEVICE).dmaMap(NIC, 0x9000, 0x5_0000, 100, next).rules()).toEqual([]);
    expect(k().dmaMap(NIC, 0x9000, 0x5_0000, 100, { direction: TO_DEVICE }).rules()).toEqual([]);
    expect(k().dmaUnmap(NIC, 0x8000, 100, next).dmaMap(NIC, 0x9000, 0x5_0000, 100, next).rules()).toEqual([]);
  });

  it('is silent for callers that look after the cache themselves, as page_pool does', () => {
    const careful = { direction: FROM_DEVICE, attrs: SKIP_CPU_SYNC };
    expect(k().dmaMap(NIC, 0x9000, 0x5_0000, 100, careful).rules()).toEqual([]);
  });
});

describe('subpage-exposure', () => {
  const k = (): KernelScript => only('subpage-exposure');

  it('tells of objects in the page of a buffer, by who allocated them', () => {
    const finding = k()
      .slabAlloc(0x5_0000, 512, 'alloc_skb')
      .slabAlloc(0x5_0200, 512, 'sk_alloc')
      .slabAlloc(0x5_0400, 512, 'sk_alloc')
      .withStack(['dma_map_page_attrs', 'xmit[e1000e]'])
      .dmaMap(NIC, 0x8000, 0x5_0000, 512)
      .sole('subpage-exposure');
    expect(finding).toMatchObject({
      severity: 'note',
      title: `page 0x50 mapped for ${NIC} also holds 2 live slab objects`,
      facts: [
        { name: 'Buffer', value: '512 bytes at 0x50000' },
        { name: 'Objects', value: '2 of 512 bytes from sk_alloc' },
      ],
    });
    expect(roles(finding)).toEqual(['slab object allocated', 'mapped']);
  });

  it('tells of an object that is allocated in a mapped page', () => {
    const finding = k().dmaMap(NIC, 0x8000, 0x5_0000, 64).slabAlloc(0x5_0800, 256, 'sk_alloc').sole();
    expect(finding.title).toBe(`slab object of 256 bytes allocated in page 0x50, which ${NIC} can reach`);
    expect(roles(finding)).toEqual(['mapped', 'slab object allocated']);
  });

  it('is one finding for each caller and each place that maps', () => {
    const many = k().slabAlloc(0x5_0800, 256, 'sk_alloc').withStack(['dma_map_page_attrs', 'xmit[e1000e]']);
    for (let n = 0; n < 50; n++) many.dmaMap(NIC, 0x8000 + n * 4096, 0x5_0000, 64);
    expect(many.sole()).toMatchObject({ count: 1, echoes: 49 });
  });

  it('is silent for the buffer itself, for objects that are gone, and for pages of their own', () => {
    expect(k().slabAlloc(0x5_0000, 512).dmaMap(NIC, 0x8000, 0x5_0000, 512).rules()).toEqual([]);
    expect(k().slabAlloc(0x5_0000, 512).dmaMap(NIC, 0x8040, 0x5_0040, 64).rules()).toEqual([]);
    const freed = k().slabAlloc(0x5_0800, 512).slabFree(0x5_0800).dmaMap(NIC, 0x8000, 0x5_0000, 64);
    expect(freed.rules()).toEqual([]);
    const slab = k().slabAlloc(0x5_0800, 512).free(0x50).dmaMap(NIC, 0x8000, 0x5_0000, 64);
    expect(slab.rules()).toEqual([]);
    expect(k().slabAlloc(0x5_1000, 512).dmaMap(NIC, 0x8000, 0x5_0000, 4096).rules()).toEqual([]);
    const unmapped = k().dmaMap(NIC, 0x8000, 0x5_0000, 64).dmaUnmap(NIC, 0x8000, 64).slabAlloc(0x5_0800, 64);
    expect(unmapped.rules()).toEqual([]);
  });

  it('finds a large object by any page that it lies in', () => {
    const k8 = k().slabAlloc(0x5_0000, 8192, 'ring_alloc').dmaMap(NIC, 0x8000, 0x5_2000, 64);
    expect(k8.rules()).toEqual([]);
    const next = k().slabAlloc(0x5_0000, 6144, 'ring_alloc').dmaMap(NIC, 0x8000, 0x5_1800, 64);
    expect(next.rules()).toEqual(['subpage-exposure']);
  });
});
