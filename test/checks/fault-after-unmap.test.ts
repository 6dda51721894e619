import { describe, expect, it } from 'vitest';
import { FROM_DEVICE, KernelScript, roles, TO_DEVICE } from '../helpers/kernel-script.ts';

const DISK = '0000:00:01.0';
const NIC = '0000:00:02.0';
const MS = 1e6;
/** `IOMMU_READ`, `IOMMU_WRITE`. */
const READ = 1;
const WRITE = 2;

/** A buffer at IOVA 0x8000 that was mapped, used and unmapped. */
function unmapped(device = NIC): KernelScript {
  const k = new KernelScript().probe(device, 'e1000e');
  k.withStack(['dma_map_page_attrs', 'alloc_rx[e1000e]']);
  k.dmaMap(device, 0x8000, 0x5_0000, 8192, { direction: FROM_DEVICE });
  k.withStack(['dma_unmap_page_attrs', 'clean_rx[e1000e]']);
  return k.dmaUnmap(device, 0x8000, 8192, { direction: FROM_DEVICE }).wait(3 * MS);
}

describe('a fault', () => {
  it('at an IOVA that was mapped tells whose it was', () => {
    const finding = unmapped().fault(NIC, 0x9040).sole('fault-after-unmap');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:02.0 (e1000e) wrote to IOVA 0x9040 3.0 ms after it was unmapped',
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x51' },
      mapping: { iova: '0x8000', phys: '0x50000', sizeBytes: 8192 },
      facts: [{ name: 'Refused', value: 'a write at IOVA 0x9040' }],
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped', 'fault']);
    expect(finding.story[1]?.stack[1]?.symbol).toBe('clean_rx');
  });

  it('that repeats is an echo, also after another one', () => {
    const k = unmapped().fault(NIC, 0x8000).fault(NIC, 0x8000).fault(NIC, 0x9000).fault(NIC, 0x8000);
    expect(k.sole()).toMatchObject({ count: 1, echoes: 3 });
  });

  it('of each mapping of one kind is one finding', () => {
    const k = unmapped().fault(NIC, 0x8000);
    k.withStack(['dma_map_page_attrs', 'alloc_rx[e1000e]']);
    k.dmaMap(NIC, 0x8000, 0x5_0000, 8192, { direction: FROM_DEVICE });
    k.withStack(['dma_unmap_page_attrs', 'clean_rx[e1000e]']);
    k.dmaUnmap(NIC, 0x8000, 8192, { direction: FROM_DEVICE }).fault(NIC, 0x8000);
    expect(k.sole()).toMatchObject({ count: 2, echoes: 0 });
  });

  it('is no finding at an IOVA that was never mapped, or of another device', () => {
    expect(unmapped().fault(NIC, 0xa000).rules()).toEqual([]);
    expect(unmapped().fault(DISK, 0x8000).rules()).toEqual([]);
  });

  it('is no finding at a live mapping that does not allow it: that is another bug', () => {
    const k = unmapped();
    k.map(`domain of ${NIC}`, 0x8000, 0x6_0000, 8192, READ).fault(NIC, 0x8000, 1);
    expect(k.rules()).toEqual([]);
  });

  it('is possible at a live mapping that allows it: then it came before that was made', () => {
    const k = unmapped();
    k.map(`domain of ${NIC}`, 0x8000, 0x6_0000, 8192, WRITE).fault(NIC, 0x8000, 1);
    expect(k.sole()).toMatchObject({ certainty: 'possible', page: { pfn: '0x50' } });
    const unknown = unmapped().map(`domain of ${NIC}`, 0x8000, 0x6_0000, 8192).fault(NIC, 0x8000, 1);
    expect(unknown.rules()).toEqual([]);
  });

  it('without a device is of the only one that had a mapping there, else only possible', () => {
    expect(unmapped().fault('', 0x8000).sole()).toMatchObject({ certainty: 'certain', device: NIC });
    const two = unmapped();
    two.dmaMap(DISK, 0x8000, 0x7_0000, 4096, { direction: TO_DEVICE });
    two.dmaUnmap(DISK, 0x8000, 4096, { direction: TO_DEVICE });
    expect(two.fault('', 0x8000, -1).sole()).toMatchObject({
      certainty: 'possible',
      device: DISK,
      facts: [{ name: 'Refused', value: 'an access at IOVA 0x8000' }],
    });
  });

  it('is possible where events were lost since the unmap', () => {
    expect(unmapped().lose().fault(NIC, 0x8000).sole().certainty).toBe('possible');
  });

  it('is found in a part of a mapping that was unmapped, and not in the rest', () => {
    const part = (iova: number): string[] =>
      new KernelScript()
        .domainAttach('A', NIC)
        .map('A', 0x10000, 0x10_0000, 0x4000, READ)
        .unmap('A', 0x10000, 0x2000)
        .fault(NIC, iova, 1)
        .rules();
    expect(part(0x11000)).toEqual(['fault-after-unmap']);
    expect(part(0x12000)).toEqual([]);
  });

  it('from a log with another clock is possible, and names no distance that it cannot know', () => {
    expect(
      unmapped()
        .fault(NIC, 0x8000, 1, 5000 * MS)
        .sole(),
    ).toMatchObject({
      certainty: 'possible',
      title: '0000:00:02.0 (e1000e) wrote to IOVA 0x8000 after it was unmapped',
      facts: [{ name: 'Refused' }, { name: 'Clock' }],
    });
    // A mapping made within the slack may have come after the fault.
    const again = unmapped().map(`domain of ${NIC}`, 0x8000, 0x6_0000, 8192);
    expect(again.fault(NIC, 0x8000, 1, 5000 * MS).rules()).toEqual(['fault-after-unmap']);
  });

  it('is told of the mapping that was there last, however many came and went', () => {
    const k = new KernelScript();
    for (let i = 0; i < 3000; i++) {
      k.dmaMap(NIC, 0x10000 + (i % 7) * 4096, (i + 1) * 4096, 4096);
      k.dmaUnmap(NIC, 0x10000 + (i % 7) * 4096, 4096);
    }
    expect(k.fault(NIC, 0x10000).sole().page?.pfn).toBe(`0x${(2997).toString(16)}`);
  });
});
