import { describe, expect, it } from 'vitest';
import { type DmaOptions, KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';
const DIRECT: DmaOptions = { direct: true };
const COHERENT: DmaOptions = { kind: 'coherent' };

describe('dma-unmap-unknown', () => {
  it('tells who made a mapping, who undid it, and who undid it again', () => {
    const k = new KernelScript().as('first').probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    k.as('second').dmaUnmap(NIC, 0x1000, 0x1000);
    k.as('third').unmap(`domain of ${NIC}`, 0x1000, 0x1000, 0).dmaUnmapEvent(NIC, 0x1000, 0x1000);
    const [finding, nothing] = k.finish();
    expect(finding).toMatchObject({
      rule: 'dma-unmap-unknown',
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:04.0 (e1000e) unmapped DMA address 0x1000 a second time',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x5' },
      firedAt: 2,
    });
    expect(finding && roles(finding)).toEqual(['mapped', 'unmapped', 'unmapped']);
    expect(finding?.story.map(event => event.task)).toEqual(['first', 'second', 'third']);
    expect(nothing?.rule).toBe('unmap-unmapped');
  });

  it('sees a second unmap at once behind the first: dma-iommu does not even call the IOMMU then', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(NIC, 0x1000, 0x1000);
    k.dmaUnmapEvent(NIC, 0x1000, 0x1000);
    expect(k.sole('dma-unmap-unknown').title).toContain('a second time');
  });

  it('sees an unmap of an address that was never mapped, where the IOMMU found nothing', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmapEvent(NIC, 0x9000, 0x1000);
    const finding = k.sole('dma-unmap-unknown');
    expect(finding.title).toBe('0000:00:04.0 unmapped DMA address 0x9000, which is not mapped');
    expect(finding.certainty).toBe('certain');
    expect(roles(finding)).toEqual(['unmapped']);
  });

  it('sees coherent memory that is freed twice', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000, COHERENT);
    k.dmaUnmap(NIC, 0x1000, 0x1000, COHERENT).dmaUnmapEvent(NIC, 0x1000, 0x1000, COHERENT);
    expect(k.sole('dma-unmap-unknown').title).toContain('a second time');
  });

  it('calls it a second unmap, although another device has a mapping at the same IOVA', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaMap(DISK, 0x1000, 0x6000, 0x1000);
    k.dmaUnmap(NIC, 0x1000, 0x1000).dmaUnmapEvent(NIC, 0x1000, 0x1000);
    expect(k.sole('dma-unmap-unknown')).toMatchObject({ device: NIC, page: { pfn: '0x5' } });
  });

  it('is only possible after a loss: the unmap of the IOMMU may be among the lost events', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).lose();
    k.dmaUnmapEvent(NIC, 0x9000, 0x1000);
    expect(k.sole('dma-unmap-unknown').certainty).toBe('possible');
  });

  it('is certain where the first unmap came after the loss', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).lose().dmaUnmap(NIC, 0x1000, 0x1000);
    k.dmaUnmapEvent(NIC, 0x1000, 0x1000);
    expect(k.sole('dma-unmap-unknown').certainty).toBe('certain');
  });
});

describe('dma-wrong-device', () => {
  it('tells for which device a mapping was made that another undoes', () => {
    const k = new KernelScript().as('first').probe(NIC, 'e1000e').probe(DISK, 'nvme');
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaMap(DISK, 0x8000, 0x6000, 0x1000);
    k.as('second').dmaUnmapEvent(DISK, 0x1000, 0x1000);
    const finding = k.sole('dma-wrong-device');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:05.0 (nvme) unmapped DMA address 0x1000, which is mapped for 0000:00:04.0',
      count: 1,
      pages: 1,
      echoes: 0,
      device: DISK,
      driver: 'nvme',
      page: { pfn: '0x5' },
      facts: [{ name: 'Mapped for', value: NIC }, { name: 'DMA address' }],
      firedAt: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('sees it without an IOMMU, where an address belongs to one device only', () => {
    const k = new KernelScript().dmaMap(NIC, 0x5000, 0x5000, 0x1000, DIRECT);
    k.dmaUnmap(DISK, 0x5000, 0x1000, DIRECT);
    expect(k.sole('dma-wrong-device')).toMatchObject({ device: DISK });
  });
});

describe('an unmap of what is not known', () => {
  const silent = (title: string, script: (k: KernelScript) => unknown): void => {
    it(`is no finding ${title}`, () => {
      const k = new KernelScript();
      script(k);
      expect(k.finish()).toEqual([]);
    });
  };

  silent('when it is of a mapping made before the trace began', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(NIC, 0x9000, 0x1000),
  );

  silent('when it is of coherent memory allocated before the trace began', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(NIC, 0x9000, 0x1000, COHERENT),
  );

  silent('when the first event of a device is one, and another device has the same IOVA', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(DISK, 0x1000, 0x1000),
  );

  silent('when that is of coherent memory, which the IOMMU unmaps only after the event', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000, COHERENT).dmaUnmap(DISK, 0x1000, 0x1000, COHERENT),
  );

  silent('without an IOMMU, as long as nobody else has the address', k =>
    k.dmaMap(NIC, 0x5000, 0x5000, 0x1000, DIRECT).dmaUnmap(NIC, 0x9000, 0x1000, DIRECT),
  );

  silent('when the address was unmapped and mapped again before', k =>
    k
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000)
      .dmaMap(NIC, 0x1000, 0x6000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000),
  );

  silent('when two devices unmap the same IOVA, each its own', k =>
    k
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000)
      .dmaMap(DISK, 0x1000, 0x6000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000)
      .dmaUnmap(DISK, 0x1000, 0x1000),
  );

  silent('when an interrupt unmaps something else between the IOMMU’s unmap and the event', k => {
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).as('reader').unmap(`domain of ${NIC}`, 0x9000, 0x1000);
    k.as('reader', 0, 'softirq').dmaUnmap(NIC, 0x1000, 0x1000);
    k.as('reader').dmaUnmapEvent(NIC, 0x9000, 0x1000);
  });
});
