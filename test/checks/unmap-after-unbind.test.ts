import { describe, expect, it } from 'vitest';
import { KernelScript, type KernelScriptOptions, roles, type Segment } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';

/** A kernel before 6.12: the DMA API has no events, a probe names the device of a map. */
const NO_DMA_EVENTS: KernelScriptOptions = { capabilities: { hasDmaApi: false } };

const ONLY_THIS = 'unmap-after-unbind';

describe('unmap-after-unbind', () => {
  it('tells who mapped, who unbound, and who unmapped after that', () => {
    const k = new KernelScript().as('modprobe').probe(NIC, 'e1000e');
    k.withStack(['iommu_map', 'e1000_open[e1000e]']).dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    k.as('rmmod').withStack(['device_unbind_cleanup']).unbind(NIC);
    k.as('ksoftirqd/0').withStack(['iommu_unmap', 'page_pool_return']).dmaUnmap(NIC, 0x1000, 0x1000);
    const finding = k.finish().find(({ rule }) => rule === ONLY_THIS);
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'DMA unmap at 0x1000 through 0000:00:04.0 (e1000e) after its driver has left',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
    });
    expect(finding && roles(finding)).toEqual(['mapped', 'unbound', 'unmapped']);
    expect(finding?.story.map(event => event.task)).toEqual(['modprobe', 'rmmod', 'ksoftirqd/0']);
    expect(finding?.firedAt).toBe(2);
  });

  it('tells of a mapping that outlived its binding and is undone through the next one', () => {
    const k = new KernelScript().as('old').probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    k.as('rmmod').unbind(NIC);
    k.as('new').probe(NIC, 'vfio-pci').dmaUnmap(NIC, 0x1000, 0x1000);
    const finding = k.finish().find(({ rule }) => rule === ONLY_THIS);
    expect(finding?.title).toBe(
      'DMA unmap at 0x1000 through 0000:00:04.0 (vfio-pci) of a mapping from before it was bound again',
    );
    expect(finding && roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('tells of a scatterlist, by its first segment', () => {
    const list: readonly Segment[] = [
      { dmaAddr: 0x1000, phys: 0x5000, size: 0x1000 },
      { dmaAddr: 0x2000, phys: 0x9000, size: 0x1000 },
    ];
    const k = new KernelScript().probe(NIC, 'nvme').dmaMapSg(NIC, list).unbind(NIC).dmaUnmapSg(NIC, list);
    const finding = k.finish().find(({ rule }) => rule === ONLY_THIS);
    expect(finding?.title).toContain('DMA unmap at 0x1000 through');
    expect(finding && roles(finding)).toEqual(['mapped', 'unbound', 'unmapped']);
  });

  it('tells of memory whose map was not seen: no driver means no DMA API', () => {
    const k = new KernelScript().unbind(NIC).dmaUnmap(NIC, 0x1000, 0x1000);
    const finding = k.sole(ONLY_THIS);
    expect(finding.certainty).toBe('certain');
    expect(roles(finding)).toEqual(['unbound', 'unmapped']);
  });

  it('tells of an unmap in another thread while devres is at work', () => {
    const k = new KernelScript().as('rmmod');
    k.unbind(NIC, () => {
      k.as('worker').dmaUnmap(NIC, 0x1000, 0x1000).as('rmmod');
    });
    expect(k.rules()).toEqual([ONLY_THIS]);
  });

  it('tells of an unmap in the same thread whose stack shows that it is not devres', () => {
    const k = new KernelScript().as('rmmod');
    k.unbind(NIC, () => {
      k.withStack(['iommu_unmap', 'device_links_driver_cleanup']).dmaUnmap(NIC, 0x1000, 0x1000);
    });
    expect(k.rules()).toEqual([ONLY_THIS]);
  });

  it('tells of it on a kernel without dma:* events: the mapping names the device', () => {
    const k = new KernelScript(NO_DMA_EVENTS).probe(NIC, 'e1000e').dmaMapBegin(NIC);
    k.map('A', 0x1000, 0x5000, 0x2000).unbind(NIC).unmap('A', 0x1000, 0x2000);
    const finding = k.finish().find(({ rule }) => rule === ONLY_THIS);
    expect(finding).toMatchObject({ pages: 2, mapping: { iova: '0x1000', domain: 'A' }, device: NIC });
    expect(finding && roles(finding)).toEqual(['mapped', 'unbound', 'unmapped']);
  });

  it('is one finding however many buffers come back late', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').unbind(NIC);
    for (let i = 1; i <= 100; i++) k.dmaUnmap(NIC, i * 4096, 0x1000);
    expect(k.sole(ONLY_THIS)).toMatchObject({ count: 100, pages: 100, echoes: 0 });
  });

  it('is only possible when events were lost since the unbind: the device may be bound again', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').unbind(NIC).lose().dmaUnmap(NIC, 0x1000, 0x1000);
    expect(k.sole(ONLY_THIS).certainty).toBe('possible');
  });

  it('is only possible when events were lost since the old map: the address may be mapped anew', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbind(NIC);
    k.lose().probe(NIC, 'e1000e').dmaUnmap(NIC, 0x1000, 0x1000);
    const finding = k.finish().find(({ rule }) => rule === ONLY_THIS);
    expect(finding?.certainty).toBe('possible');
  });
});

describe('unmap-after-unbind stays silent', () => {
  const silent = (
    title: string,
    script: (k: KernelScript) => unknown,
    options: KernelScriptOptions = {},
  ): void => {
    it(title, () => {
      const k = new KernelScript(options).as('rmmod');
      script(k);
      expect(k.finish()).toEqual([]);
    });
  };

  silent('when devres releases in the thread that unbinds', k =>
    k
      .probe(NIC, 'e1000e')
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000, { kind: 'coherent' })
      .unbind(NIC, () => k.dmaUnmap(NIC, 0x1000, 0x1000, { kind: 'coherent' })),
  );

  silent('about mappings of the present binding', k =>
    k
      .probe(NIC, 'e1000e')
      .unbind(NIC)
      .probe(NIC, 'e1000e')
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000),
  );

  silent('about mappings made before the trace, through a device that was bound again', k =>
    k.unbind(NIC).probe(NIC, 'e1000e').dmaUnmap(NIC, 0x1000, 0x1000),
  );

  silent('about a device whose driver was bound before the trace', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(NIC, 0x1000, 0x1000),
  );

  silent('when really_probe() and the notifier behind it both tell of one probe', k =>
    k.probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000).probe(NIC, '').dmaUnmap(NIC, 0x1000, 0x1000),
  );

  silent(
    'about a domain that a driver made for itself, without dma:* events',
    k =>
      k
        .probe(NIC, 'vfio-pci')
        .domainAlloc('own', NIC)
        .map('own', 0x1000, 0x5000, 0x1000)
        .unbind(NIC)
        .unmap('own', 0x1000, 0x1000),
    NO_DMA_EVENTS,
  );

  silent(
    'about a mapping that was attributed to its domain only, without dma:* events',
    k =>
      k
        .map('A', 0x1000, 0x5000, 0x1000)
        .probe(NIC, 'e1000e')
        .domainAttach('A', NIC)
        .unmap('A', 0x1000, 0x1000),
    NO_DMA_EVENTS,
  );
});

describe('a source that shows drivers leave, but not that they are bound', () => {
  it('takes a mapping for the sign of the next driver, and does not accuse its unmaps', () => {
    const k = new KernelScript()
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000)
      .unbind(NIC);
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(NIC, 0x1000, 0x1000);
    expect(k.rules()).toEqual([]);
  });

  it('still accuses an unmap that comes before any new mapping', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbind(NIC);
    expect(k.dmaUnmap(NIC, 0x1000, 0x1000).rules()).toContain(ONLY_THIS);
  });
});
