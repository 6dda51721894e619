import { describe, expect, it } from 'vitest';
import { FROM_DEVICE, KernelScript, roles, TO_DEVICE } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';

function mapped(direction = FROM_DEVICE): KernelScript {
  const k = new KernelScript().as('modprobe').probe(NIC, 'e1000e').withStack(['e1000_open[e1000e]']);
  return k.dmaMap(NIC, 0x1040, 0x5040, 0x600, { direction }).withStack(['e1000_clean[e1000e]']);
}

describe('dma-sync-unmapped', () => {
  it('tells of a sync after the unmap: who mapped, who unmapped, who synced', () => {
    const k = mapped().as('napi').dmaUnmap(NIC, 0x1040, 0x600, { direction: FROM_DEVICE });
    k.as('late').sync(NIC, 0x1040, 0x600, FROM_DEVICE);
    const finding = k.sole('dma-sync-unmapped');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:04.0 (e1000e) synced DMA address 0x1040 after its unmap',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x5' },
      firedAt: 2,
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped', 'synced']);
    expect(finding.story.map(event => event.task)).toEqual(['modprobe', 'napi', 'late']);
  });

  it('is all that is said of a sync beyond the end of what is not mapped any more', () => {
    const k = mapped().dmaUnmap(NIC, 0x1040, 0x600, { direction: FROM_DEVICE });
    expect(k.sync(NIC, 0x1040, 0x2000, TO_DEVICE).rules()).toEqual(['dma-sync-unmapped']);
  });

  it('is only possible when events were lost since the unmap', () => {
    const k = mapped().dmaUnmap(NIC, 0x1040, 0x600, { direction: FROM_DEVICE }).lose();
    expect(k.sync(NIC, 0x1040, 0x600, FROM_DEVICE).sole().certainty).toBe('possible');
  });

  it.each<[title: string, script: (k: KernelScript) => unknown]>([
    ['an address that was never seen mapped', k => k.sync(NIC, 0x9000, 0x600, FROM_DEVICE)],
    ['the address of another device', k => k.sync(DISK, 0x1040, 0x600, FROM_DEVICE)],
    [
      'an address that was mapped again',
      k =>
        k
          .dmaUnmap(NIC, 0x1040, 0x600, { direction: FROM_DEVICE })
          .dmaMap(NIC, 0x1000, 0x6000, 0x1000, { direction: FROM_DEVICE })
          .sync(NIC, 0x1040, 0x600, FROM_DEVICE),
    ],
  ])('stays silent about %s', (_title, script) => {
    const k = mapped();
    script(k);
    expect(k.finish()).toEqual([]);
  });
});

describe('dma-sync-range', () => {
  it('tells of a sync beyond the end of the mapping', () => {
    const k = mapped().sync(NIC, 0x1040, 0x601, FROM_DEVICE);
    const finding = k.sole('dma-sync-range');
    expect(finding).toMatchObject({
      certainty: 'certain',
      title:
        '0000:00:04.0 (e1000e) synced DMA address 0x1040 for 1537 bytes, beyond the end of its mapping at 0x1640',
      facts: [
        { name: 'Mapped', value: '0x1040 to 0x1640' },
        { name: 'Synced', value: '0x1040 to 0x1641' },
      ],
      device: NIC,
      driver: 'e1000e',
      count: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'synced']);
  });

  it('counts the offset into the mapping', () => {
    expect(mapped().sync(NIC, 0x1240, 0x600, FROM_DEVICE).rules()).toEqual(['dma-sync-range']);
  });

  it('stays silent about a part of the mapping, at its beginning or its end, and about the whole', () => {
    const k = mapped().sync(NIC, 0x1040, 0x600, FROM_DEVICE).sync(NIC, 0x1040, 1, FROM_DEVICE);
    expect(k.sync(NIC, 0x163f, 1, FROM_DEVICE).rules()).toEqual([]);
  });

  it('finds the mapping of an address far inside a large one', () => {
    const k = new KernelScript().dmaMap(NIC, 0x100000, 0x900000, 0x40000).sync(NIC, 0x13f000, 0x1000);
    expect(k.rules()).toEqual([]);
    expect(k.sync(NIC, 0x13f000, 0x1001).rules()).toEqual(['dma-sync-range']);
  });
});

describe('dma-sync-direction', () => {
  it('tells of a sync against the direction of the mapping', () => {
    const k = mapped().sync(NIC, 0x1040, 0x600, TO_DEVICE);
    const finding = k.sole('dma-sync-direction');
    expect(finding).toMatchObject({
      certainty: 'certain',
      title: '0000:00:04.0 (e1000e) synced DMA address 0x1040 as TO_DEVICE, but it is mapped FROM_DEVICE',
      device: NIC,
      driver: 'e1000e',
      count: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'synced']);
  });

  it('allows any direction for a bidirectional mapping', () => {
    const k = mapped(0).sync(NIC, 0x1040, 0x600, TO_DEVICE).sync(NIC, 0x1040, 0x600, FROM_DEVICE);
    expect(k.rules()).toEqual([]);
  });

  it('is one finding for ten thousand packets', () => {
    const k = mapped();
    for (let i = 0; i < 10_000; i++) k.sync(NIC, 0x1040, 0x600, TO_DEVICE);
    expect(k.sole('dma-sync-direction')).toMatchObject({ count: 10_000, echoes: 0 });
  });
});
