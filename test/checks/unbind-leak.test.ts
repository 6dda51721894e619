import { describe, expect, it } from 'vitest';
import { IOMMU_PROT_MMIO } from '../../src/kernel/dma.ts';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';

/** The functions below which devres frees what `dmam_alloc_coherent()` gave. */
const DEVRES = ['iommu_unmap', 'dma_free_attrs', 'dmam_release', 'release_nodes', 'devres_release_all'];

describe('unbind-leak', () => {
  it('tells who made the mapping that is left when the driver is gone', () => {
    const k = new KernelScript().as('modprobe').probe(NIC, 'e1000e');
    k.withStack(['iommu_map', 'e1000_open[e1000e]']).dmaMap(NIC, 0x1000, 0x5000, 0x2000);
    k.as('rmmod').withStack(['device_unbind_cleanup']).unbind(NIC);
    const finding = k.sole('unbind-leak');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:04.0 (e1000e) unbound with 1 live mapping of 2 pages',
      count: 1,
      pages: 2,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
      mapping: { iova: '0x1000', phys: '0x5000', domain: `domain of ${NIC}`, device: NIC },
      firedAt: 1,
      reachable: { ended: false },
    });
    expect(roles(finding)).toEqual(['mapped', 'unbound']);
    expect(finding.story.map(event => event.task)).toEqual(['modprobe', 'rmmod']);
  });

  it('is one finding for each place in the driver that forgets to unmap', () => {
    const k = new KernelScript().probe(NIC, 'e1000e');
    k.withStack(['setup_rx']);
    for (let i = 1; i <= 3; i++) k.dmaMap(NIC, i * 4096, i * 4096 + 0x100000, 0x1000);
    k.withStack(['setup_tx']).dmaMap(NIC, 0x9000, 0x900000, 0x1000).unbind(NIC);
    expect(k.finish().map(({ title, count, pages }) => [title, count, pages])).toEqual([
      ['0000:00:04.0 (e1000e) unbound with 3 live mappings of 3 pages', 1, 3],
      ['0000:00:04.0 (e1000e) unbound with 1 live mapping of 1 page', 1, 1],
    ]);
  });

  it('counts what is left of a mapping of which a part was unmapped', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x8000);
    k.unmap(`domain of ${NIC}`, 0x1000, 0x5000).unbind(NIC);
    expect(k.sole('unbind-leak').pages).toBe(3);
  });

  it('finds a driver that was bound before the trace began, though not its name', () => {
    const k = new KernelScript().dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbind(NIC);
    expect(k.sole('unbind-leak').title).toBe('0000:00:04.0 unbound with 1 live mapping of 1 page');
  });

  it('finds a failed probe that had mapped already', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbind(NIC);
    k.probe(NIC, 'igb');
    expect(k.sole('unbind-leak').driver).toBe('e1000e');
  });

  it('needs no event at the beginning of the unbind: its end is enough', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbound(NIC);
    expect(roles(k.sole('unbind-leak'))).toEqual(['mapped', 'unbound']);
  });

  it('needs no event at the end either: the next probe, or the end of the trace, will do', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000).cleanup(NIC);
    const left = k.now;
    k.alloc(9);
    expect(k.sole('unbind-leak').firstNs).toBe(left);

    const again = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    again.cleanup(NIC).probe(NIC, 'e1000e').dmaUnmap(NIC, 0x1000, 0x1000);
    expect(again.rules()).toEqual(['unbind-leak', 'unmap-after-unbind']);
  });

  it('is of the driver that has left, also where the next one is what shows it', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    expect(k.cleanup(NIC).probe(NIC, 'vfio-pci').sole('unbind-leak').driver).toBe('e1000e');
  });

  it('is told once by the two probes that see the end of an unbind', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    k.cleanup(NIC).unbound(NIC).unbound(NIC);
    expect(k.sole('unbind-leak').count).toBe(1);
  });

  it('does not tell again what an earlier binding left behind', () => {
    const k = new KernelScript().probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbind(NIC);
    for (let i = 0; i < 5; i++) k.probe(NIC, 'e1000e').unbind(NIC);
    expect(k.sole('unbind-leak')).toMatchObject({ count: 1, pages: 1 });
  });

  it('counts a driver that leaks at each unbind', () => {
    const k = new KernelScript();
    for (let i = 1; i <= 5; i++) {
      k.probe(NIC, 'e1000e')
        .dmaMap(NIC, i * 0x1000, 0x500000, 0x1000)
        .unbind(NIC);
    }
    expect(k.sole('unbind-leak')).toMatchObject({ count: 5, pages: 5 });
  });

  it('ends when the last of the mappings is unmapped, too late', () => {
    const k = new KernelScript().probe(NIC, 'e1000e');
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaMap(NIC, 0x2000, 0x6000, 0x1000).cleanup(NIC);
    const left = k.now;
    k.unbound(NIC).unmap(`domain of ${NIC}`, 0x1000, 0x1000);
    expect(k.finish()[0]?.reachable?.ended).toBe(false);
    k.wait(1_000_000).unmap(`domain of ${NIC}`, 0x2000, 0x1000);
    expect(k.sole('unbind-leak').reachable).toEqual({ durationNs: k.now - left, ended: true });
  });

  it('tells a mapping whole that somebody else unmaps while the unbind is under way', () => {
    const k = new KernelScript().as('rmmod').probe(NIC, 'e1000e').dmaMap(NIC, 0x1000, 0x5000, 0x10000);
    k.cleanup(NIC);
    k.as('ksoftirqd/0').dmaUnmap(NIC, 0x1000, 0x10000);
    k.as('rmmod').unbound(NIC);
    const [leak, late] = k.finish();
    expect(leak).toMatchObject({ rule: 'unbind-leak', pages: 16, reachable: { ended: true } });
    expect(leak?.title).toContain('1 live mapping of 16 pages');
    expect(late?.rule).toBe('unmap-after-unbind');
  });
});

describe('unbind-leak stays silent', () => {
  const silent = (title: string, script: (k: KernelScript) => unknown): void => {
    it(title, () => {
      const k = new KernelScript().as('rmmod').probe(NIC, 'e1000e');
      script(k);
      expect(k.finish()).toEqual([]);
    });
  };

  silent('when the driver has unmapped everything', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaUnmap(NIC, 0x1000, 0x1000).unbind(NIC),
  );

  silent('when devres releases what dmam_alloc_coherent() gave, as its stack shows', k => {
    const coherent = { kind: 'coherent' } as const;
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000, coherent).withStack(['device_unbind_cleanup']).cleanup(NIC);
    k.withStack(DEVRES).dmaUnmap(NIC, 0x1000, 0x1000, coherent).withStack([]).unbound(NIC).free(5);
  });

  silent('when devres releases without a recorded stack: the thread that unbinds is known', k =>
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).cleanup(NIC).dmaUnmap(NIC, 0x1000, 0x1000).unbound(NIC),
  );

  silent('about the mappings of another device', k => k.dmaMap(DISK, 0x1000, 0x5000, 0x1000).unbind(NIC));

  silent('when another device unmaps while the unbind is under way', k => {
    k.dmaMap(DISK, 0x1000, 0x5000, 0x1000).dmaMap(NIC, 0x1000, 0x6000, 0x1000).cleanup(NIC);
    k.as('reader').dmaUnmap(DISK, 0x1000, 0x1000);
    k.as('rmmod').dmaUnmap(NIC, 0x1000, 0x1000).unbound(NIC);
  });

  silent('about a domain that a driver made for itself: it may outlive the binding', k =>
    k.domainAlloc('own', NIC).map('own', 0x1000, 0x5000, 0x1000).unbind(NIC),
  );

  silent('about MSI doorbells and reserved regions, which belong to the domain', k => {
    k.domainAttach('A', NIC).map('A', 0x1000, 0xfee00000, 0x1000, IOMMU_PROT_MMIO | 3);
    k.map('A', 0x7d000000, 0x7d000000, 0x1000).unbind(NIC);
  });

  silent('when the driver is bound again after a clean unbind', k =>
    k
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000)
      .unbind(NIC)
      .probe(NIC, 'e1000e')
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000),
  );
});
