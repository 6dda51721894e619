import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelScript, roles, TICK_NS } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';

describe('free-while-mapped', () => {
  it('tells who allocated, mapped and freed a page, and who can still reach it', () => {
    const k = new KernelScript();
    k.as('modprobe').probe(NIC, 'e1000e');
    k.withStack(['__alloc_pages', 'e1000_alloc_rx[e1000e]']).alloc(0x1234);
    k.withStack(['iommu_map', 'dma_map_page_attrs', 'e1000_alloc_rx[e1000e]']);
    k.dmaMap(NIC, 0xfffff000, 0x1234000, 0x800);
    k.as('ksoftirqd/1', 1).withStack(['__free_pages', 'e1000_clean_rx[e1000e]']).free(0x1234);
    const finding = k.sole('free-while-mapped');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'page 0x1234 freed while 0000:00:04.0 (e1000e) can reach it at IOVA 0xfffff000',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x1234', phys: '0x1234000' },
      mapping: {
        iova: '0xfffff000',
        phys: '0x1234000',
        sizeBytes: 4096,
        domain: `domain of ${NIC}`,
        device: NIC,
      },
      otherMappings: [],
      firedAt: 2,
    });
    expect(roles(finding)).toEqual(['allocated', 'mapped', 'freed']);
    expect(finding.story.map(event => event.task)).toEqual(['modprobe', 'modprobe', 'ksoftirqd/1']);
    expect(finding.story.map(event => event.stack.at(-1)?.symbol)).toEqual([
      'e1000_alloc_rx',
      'e1000_alloc_rx',
      'e1000_clean_rx',
    ]);
    expect(finding.story[2]).toMatchObject({ cpu: 1, timeNs: k.now, location: { file: 'script' } });
  });

  it('names what it knows: without a device, driver or allocation it says less, and is as sure', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5);
    const finding = k.sole('free-while-mapped');
    expect(finding.title).toBe('page 0x5 freed while a device can reach it at IOVA 0x1000');
    expect(finding.certainty).toBe('certain');
    expect(finding.device).toBeUndefined();
    expect(finding.driver).toBeUndefined();
    expect(finding.mapping?.domain).toBe('A');
    expect(roles(finding)).toEqual(['mapped', 'freed']);
  });

  it('takes the driver of a device that was bound before the trace from the module in a stack', () => {
    const k = new KernelScript();
    k.withStack(['iommu_map', 'nvme_map_data[nvme]']).dmaMap(DISK, 0x1000, 0x5000, 0x1000);
    k.withStack(['__free_pages']).free(5);
    expect(k.sole()).toMatchObject({ device: DISK, driver: 'nvme' });
  });

  it('finds the one mapped page in the middle of a large block, and tells that page', () => {
    const k = new KernelScript().map('A', 0x1000, 0x205000, 0x1000).free(0x200, 9);
    expect(k.sole()).toMatchObject({ page: { pfn: '0x205' }, pages: 1, count: 1 });
  });

  it('counts the mapped pages of a block, and the pages of a gigantic one, whose order is above 10', () => {
    const k = new KernelScript().map('A', 0x100000, 0x40003000, 0x3000).free(0x40000, 18);
    const finding = k.sole('free-while-mapped');
    expect(finding.pages).toBe(3);
    expect(finding.title).toContain('page 0x40003 and 2 more pages freed');
  });

  it('lists every mapping that reaches the page, each with its domain', () => {
    const k = new KernelScript();
    k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).dmaMap(DISK, 0x9000, 0x5000, 0x1000).free(5);
    const finding = k.sole();
    expect(finding).toMatchObject({ count: 1, pages: 1, mapping: { iova: '0x1000', device: NIC } });
    expect(finding.otherMappings).toMatchObject([{ iova: '0x9000', device: DISK }]);
  });

  it('sees a page that two small buffers share (page_frag) and only one of them left', () => {
    const k = new KernelScript();
    k.dmaMap(NIC, 0x1000, 0x5000, 0x600).dmaMap(NIC, 0x2600, 0x5600, 0x600);
    k.dmaUnmap(NIC, 0x1000, 0x600).free(5);
    expect(k.sole().mapping?.iova).toBe('0x2000');
  });

  it('sees that a page stays reachable in one domain when another domain unmaps the same IOVA', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x1000, 0x6000, 0x1000);
    k.unmap('B', 0x1000, 0x1000).free(6).free(5);
    expect(k.sole('free-while-mapped')).toMatchObject({ page: { pfn: '0x5' }, mapping: { domain: 'A' } });
  });

  it('sees what an unmap left mapped that stopped at a hole', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('A', 0x3000, 0x7000, 0x1000);
    k.unmap('A', 0x1000, 0x3000, 0x1000).free(5).free(7);
    expect(k.rules()).toEqual(['unmap-smaller-than-requested', 'free-while-mapped']);
  });

  it('sees the rest of a mapping of which the middle was unmapped', () => {
    const k = new KernelScript().map('A', 0x10000, 0x50000, 0x10000).unmap('A', 0x14000, 0x8000);
    for (const pfn of [0x54, 0x5b, 0x60]) k.free(pfn);
    expect(k.rules()).toEqual([]);
    k.free(0x53).free(0x5c);
    expect(k.sole('free-while-mapped')).toMatchObject({ count: 1, pages: 2 });
  });
});

describe('free-while-mapped stays silent', () => {
  const silent = (title: string, script: (k: KernelScript) => void): void => {
    it(title, () => {
      const k = new KernelScript();
      script(k);
      expect(k.finish()).toEqual([]);
    });
  };

  silent('when a page is unmapped before it is freed', k =>
    k.alloc(5).map('A', 0x1000, 0x5000, 0x1000).unmap('A', 0x1000, 0x1000).free(5),
  );

  silent('about pages whose allocation was not seen, and pages that are freed twice in a row', k =>
    k.free(5).free(5).alloc(5).alloc(5),
  );

  silent('when an unmap is of a mapping made before the trace began', k =>
    k.unmap('A', 0x1000, 0x1000).free(5),
  );

  silent('when a map that failed midway is rolled back', k =>
    k.map('A', 0x1000, 0x5000, 0x2000).unmap('A', 0x1000, 0x2000).free(5).free(6),
  );

  silent('when a map failed at once: nothing was mapped, nothing is unmapped', k =>
    k.map('A', 0x1000, 0x5000, 0).unmap('A', 0x1000, 0).free(5),
  );

  silent('when a higher-order allocation is split and freed page by page after the unmap', k => {
    k.alloc(0x10, 3).map('A', 0x10000, 0x10000, 0x8000).unmap('A', 0x10000, 0x8000);
    for (let pfn = 0x10; pfn < 0x18; pfn++) k.free(pfn);
  });

  silent('about the surplus tail of alloc_pages_exact(), freed at once while the head is mapped', k =>
    k.alloc(0x10, 3).map('A', 0x10000, 0x10000, 0x5000).free(0x15).free(0x16, 1),
  );

  silent('about a page between two mapped ones', k =>
    k.map('A', 0x1000, 0x5000, 0x1000).map('A', 0x2000, 0x7000, 0x1000).free(6),
  );

  silent('when each mapping of a shared page (page_frag) was undone', k =>
    k
      .dmaMap(NIC, 0x1000, 0x5000, 0x600)
      .dmaMap(NIC, 0x2600, 0x5600, 0x600)
      .dmaUnmap(NIC, 0x2600, 0x600)
      .dmaUnmap(NIC, 0x1000, 0x600)
      .free(5),
  );

  silent('about equal IOVAs of two devices, each in its own domain', k =>
    k
      .dmaMap(NIC, 0x1000, 0x5000, 0x1000)
      .dmaMap(DISK, 0x1000, 0x6000, 0x1000)
      .dmaUnmap(NIC, 0x1000, 0x1000)
      .free(5)
      .dmaUnmap(DISK, 0x1000, 0x1000)
      .free(6),
  );

  silent('when one large unmap takes many mappings and the holes between them (VFIO)', k => {
    k.map('A', 0x200000, 0x5000, 0x1000).map('A', 0x210000, 0x7000, 0x1000);
    k.unmap('A', 0x200000, 0x200000).free(5).free(7);
  });

  silent('when a domain that was emptied is freed, and another gets its address', k =>
    k
      .map('A', 0x1000, 0x5000, 0x1000)
      .unmap('A', 0x1000, 0x1000)
      .domainFree('A')
      .map('A', 0x1000, 0x6000, 0x1000)
      .free(5),
  );

  silent('about an order that no allocator has: the record is damaged', k =>
    k.map('A', 0x1000, 0x5000, 0x1000).free(0, 63).alloc(0, 4_000_000_000),
  );
});

describe('a source that does not tell domains apart', () => {
  it('still finds a use after free', () => {
    const k = new KernelScript({ capabilities: { hasDomains: false } });
    k.map('', 0x1000, 0x5000, 0x1000).free(5);
    const finding = k.sole('free-while-mapped');
    expect(finding.mapping).not.toHaveProperty('domain');
  });

  it('takes an unmap without a domain for that of the only domain with a mapping there', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x2000, 0x6000, 0x1000);
    k.unmap('', 0x1000, 0x1000).free(5);
    expect(k.rules()).toEqual([]);
    k.free(6);
    expect(k.sole()).toMatchObject({ mapping: { domain: 'B' } });
  });

  it('takes an unmap with a domain for that of a mapping whose domain was not told', () => {
    const k = new KernelScript().map('', 0x1000, 0x5000, 0x1000).unmap('A', 0x1000, 0x1000).free(5);
    expect(k.rules()).toEqual([]);
  });

  it('accuses nobody when an unmap may be of either of two domains', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x1000, 0x6000, 0x1000);
    k.unmap('', 0x1000, 0x1000).free(5).free(6);
    expect(k.rules()).toEqual([]);
  });

  it('never takes a page for mapped that is not, however the IOVAs of domains collide', () => {
    const operation = fc.record({
      domain: fc.integer({ min: 0, max: 2 }),
      iova: fc.integer({ min: 0, max: 7 }),
      pages: fc.integer({ min: 1, max: 4 }),
      phys: fc.integer({ min: 1, max: 12 }),
      map: fc.boolean(),
      told: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), fc.boolean(), (operations, mixed) => {
        const k = new KernelScript();
        const truth = [0, 1, 2].map(() => new Map<number, number>());
        for (const { domain, iova, pages, phys, map, told } of operations) {
          const tables = truth[domain] as Map<number, number>;
          // A mixed source names the domains of maps, and those of some unmaps.
          const name = mixed && (map || told) ? `domain ${domain}` : '';
          const wanted = Array.from({ length: pages }, (_, i) => iova + i);
          if (map) {
            if (wanted.some(page => tables.has(page))) continue;
            for (const page of wanted) tables.set(page, phys + page - iova);
            k.map(name, iova * 4096, phys * 4096, pages * 4096);
          } else {
            const hole = wanted.findIndex(page => !tables.has(page));
            const removed = hole < 0 ? pages : hole;
            for (let i = 0; i < removed; i++) tables.delete(iova + i);
            k.unmap(name, iova * 4096, pages * 4096, removed * 4096);
          }
          const mapped = new Set(truth.flatMap(table => [...table.values()]));
          for (let pfn = 0; pfn < 16; pfn++) {
            if (!mapped.has(pfn)) expect(k.shadow.accounting.anyMapped(pfn, 1)).toBe(false);
          }
        }
      }),
    );
  });
});

describe('the time that the memory was reachable', () => {
  it('lasts from the free to the unmap', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5).wait(5_000_000);
    k.unmap('A', 0x1000, 0x1000).wait(9_000_000).alloc(6);
    const finding = k.sole();
    // The mapping is gone when the unmap ends, two ticks later.
    expect(finding.reachable).toEqual({ durationNs: 5_000_000 + 2 * TICK_NS, ended: true });
    expect(roles(finding)).toEqual(['mapped', 'freed', 'unmapped']);
    expect(finding.firedAt).toBe(1);
  });

  it('lasts to the end of the trace where nobody unmaps', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).free(5).wait(5_000_000).alloc(6);
    expect(k.sole().reachable).toEqual({ durationNs: 5_000_000 + TICK_NS, ended: false });
  });

  it('ends with the last of the mappings that reached the page', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x1000, 0x5000, 0x1000).free(5);
    const freed = k.now;
    k.unmap('A', 0x1000, 0x1000).wait(1_000_000).unmap('B', 0x1000, 0x1000);
    expect(k.sole().reachable).toEqual({ durationNs: k.now - freed, ended: true });
  });

  it('goes on while a part of the mapping that is not the freed one is unmapped', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x2000).free(5).unmap('A', 0x2000, 0x1000);
    expect(k.finish()[0]?.reachable?.ended).toBe(false);
    k.unmap('A', 0x1000, 0x1000);
    expect(k.sole().reachable?.ended).toBe(true);
  });

  it('ends when the freed part is unmapped, though the rest of the mapping stays', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x2000).free(5).unmap('A', 0x1000, 0x1000);
    expect(k.sole().reachable?.ended).toBe(true);
    // What is left of it can be freed too early as well: that happens again.
    expect(k.free(6).sole()).toMatchObject({ count: 2, pages: 2 });
  });
});
