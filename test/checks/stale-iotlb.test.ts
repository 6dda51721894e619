import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:02.0';
const DOMAIN = `domain of ${NIC}`;
const MS = 1e6;

/** A page is mapped, used and unmapped; flushes are seen. */
function unmapped(): KernelScript {
  const k = new KernelScript().probe(NIC, 'e1000e').flush(DOMAIN);
  k.dmaMap(NIC, 0x8000, 0x5_0000, 4096);
  return k.withStack(['dma_unmap_page_attrs', 'clean_rx[e1000e]']).dmaUnmap(NIC, 0x8000, 4096);
}

describe('in lazy mode', () => {
  it('a page that is handed out before the flush is a note', () => {
    const k = unmapped().withStack(['__free_frozen_pages', 'clean_rx[e1000e]']).free(0x50).alloc(0x50);
    const finding = k
      .wait(7 * MS)
      .flush(DOMAIN)
      .sole('stale-iotlb');
    expect(finding).toMatchObject({
      severity: 'note',
      certainty: 'certain',
      title: `page 0x50 handed out again 7.0 ms before the IOTLB forgot its translation for ${NIC} (e1000e)`,
      page: { pfn: '0x50' },
      mapping: { iova: '0x8000', phys: '0x50000', device: NIC },
      facts: [
        { name: 'Mode', value: 'lazy' },
        { name: 'Window', value: '7.0 ms from unmap to flush' },
      ],
    });
    expect(roles(finding)).toEqual(['unmapped', 'freed', 'allocated again', 'flushed']);
  });

  it('counts how often it happens', () => {
    const k = unmapped();
    for (let i = 0; i < 5; i++) {
      k.free(0x50).alloc(0x50).flush(DOMAIN);
      k.withStack([]).dmaMap(NIC, 0x8000, 0x5_0000, 4096);
      k.withStack(['dma_unmap_page_attrs', 'clean_rx[e1000e]']).dmaUnmap(NIC, 0x8000, 4096);
    }
    expect(k.sole()).toMatchObject({ count: 5, pages: 5 });
  });

  it('is silent where the page is only freed, or handed out after the flush', () => {
    expect(unmapped().free(0x50).flush(DOMAIN).alloc(0x50).rules()).toEqual([]);
    expect(unmapped().flush(DOMAIN).free(0x50).alloc(0x50).flush(DOMAIN).rules()).toEqual([]);
  });

  it('is silent where no flush was seen before the unmap, or none comes', () => {
    const k = new KernelScript({ capabilities: { hasFlushes: false } });
    k.dmaMap(NIC, 0x8000, 0x5_0000, 4096).dmaUnmap(NIC, 0x8000, 4096);
    expect(k.free(0x50).alloc(0x50).flush(DOMAIN).rules()).toEqual([]);
    expect(unmapped().free(0x50).alloc(0x50).rules()).toEqual([]);
  });

  it('is not ended by the flush of another domain, but by one of all', () => {
    const other = unmapped().free(0x50).flush('B').alloc(0x50).flush(DOMAIN);
    expect(other.rules()).toEqual(['stale-iotlb']);
    expect(unmapped().free(0x50).flush('').alloc(0x50).flush(DOMAIN).rules()).toEqual([]);
  });

  it('finds the pages of a large range as well', () => {
    const k = new KernelScript().flush('A').map('A', 0x4000_0000, 0x100_0000, 8 << 20);
    k.unmap('A', 0x4000_0000, 8 << 20)
      .free(0x1400, 3)
      .alloc(0x1403)
      .flush('A');
    expect(k.sole()).toMatchObject({ page: { pfn: '0x1403' }, mapping: { sizeBytes: 8 << 20 } });
  });

  it('forgets unmaps that are never flushed, when there are more than a queue can hold', () => {
    const k = new KernelScript().flush('A').map('A', 0x8000, 0x5_0000, 4096).unmap('A', 0x8000, 4096);
    k.free(0x50).alloc(0x50);
    for (let i = 0; i < 1 << 15; i++) k.map('B', 0x8000, 0x9_0000, 4096).unmap('B', 0x8000, 4096);
    expect(k.flush('A').rules()).toEqual([]);
  });

  it('is possible where events were lost since the unmap', () => {
    expect(unmapped().free(0x50).lose().alloc(0x50).flush(DOMAIN).sole().certainty).toBe('possible');
  });
});

describe('in strict mode', () => {
  it('a page that is freed before its sync is an error', () => {
    const finding = unmapped().free(0x50).flush(DOMAIN, 0x8000, 4096).sole('stale-iotlb');
    expect(finding).toMatchObject({ severity: 'error', facts: [{ value: 'strict' }, { name: 'Window' }] });
    expect(roles(finding)).toEqual(['unmapped', 'freed', 'flushed']);
  });

  it('is silent where the page is freed behind its sync, which may come in parts', () => {
    expect(unmapped().flush(DOMAIN, 0x8000, 4096).free(0x50).alloc(0x50).rules()).toEqual([]);
    const k = new KernelScript().flush('A').map('A', 0x8000, 0x5_0000, 0x4000).unmap('A', 0x8000, 0x4000);
    expect(k.flush('A', 0xa000, 0x1000).free(0x50).flush('A', 0x8000, 0x2000).rules()).toEqual([]);
  });

  it('is not known where the flush of a range names no domain: it may be that of a map next to it', () => {
    expect(unmapped().free(0x50).flush('', 0x8000, 0x8000).rules()).toEqual([]);
    const reused = unmapped().free(0x50).alloc(0x50).flush('', 0x8000, 0x8000).sole('stale-iotlb');
    expect(reused).toMatchObject({ severity: 'note', facts: [{ value: 'not known' }, { name: 'Window' }] });
  });

  it('is silent for the sync of another range', () => {
    expect(unmapped().free(0x50).flush(DOMAIN, 0x9000, 4096).rules()).toEqual([]);
  });
});
