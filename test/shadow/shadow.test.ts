import { describe, expect, it } from 'vitest';
import { UNKNOWN } from '../../src/kernel/events.ts';
import { KernelScript } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';

function quiet(pageSize = 4096): KernelScript {
  return new KernelScript({ checks: [], pageSize });
}

/** The mapping at an IOVA. */
function mappingAt(k: KernelScript, domain: string, iova: number): number {
  return k.shadow.tables.get(k.domain(domain), iova / 4096);
}

describe('translate', () => {
  it('follows maps and unmaps of each domain, 4 KiB at a time', () => {
    const k = quiet().map('A', 0x1000, 0x50000, 0x4000).map('B', 0x1000, 0x90000, 0x1000);
    k.unmap('A', 0x2000, 0x1000);
    const frames = [1, 2, 3, 4, 5].map(page => k.shadow.translate(k.domain('A'), page));
    expect(frames).toEqual([0x50, -1, 0x52, 0x53, -1]);
    expect(k.shadow.translate(k.domain('B'), 1)).toBe(0x90);
  });

  it('takes a map over a live one as Arm does: the new one is there', () => {
    const k = quiet().map('A', 0x1000, 0x50000, 0x3000).map('A', 0x2000, 0x90000, 0x1000);
    expect([1, 2, 3].map(page => k.shadow.translate(k.domain('A'), page))).toEqual([0x50, 0x90, 0x52]);
    expect(k.shadow.mappings).toMatchObject({ live: 2, made: 2, liveBytes: 3 * 4096 });
  });

  it('rounds an unaligned range to the pages that it touches', () => {
    const k = quiet().map('A', 0x1000, 0x50000, 0x800).unmap('A', 0x1000, 0x800);
    expect(k.shadow.translate(k.domain('A'), 1)).toBe(-1);
  });

  it('passes over a map of no bytes, and one of more than can exist', () => {
    const k = quiet()
      .map('A', 0x1000, 0x50000, 0)
      .map('A', 0, 0, 2 ** 47);
    expect(k.shadow.mappings).toMatchObject({ made: 0, live: 0 });
  });
});

describe('domainOf', () => {
  const ask = (k: KernelScript, domain: string, iova = 0x1000): number =>
    k.shadow.domainOf(k.domain(domain), iova);

  it('believes the source that names a domain', () => {
    const k = quiet().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x1000, 0x6000, 0x1000);
    expect(ask(k, 'B')).toBe(k.domain('B'));
    expect(ask(k, 'C')).toBe(k.domain('C'));
  });

  it('takes the only domain that has a mapping there for one that is not named', () => {
    const k = quiet().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x9000, 0x6000, 0x1000);
    expect(ask(k, '')).toBe(k.domain('A'));
    expect(ask(k, '', 0x9000)).toBe(k.domain('B'));
    expect(ask(k, '', 0x5000)).toBe(UNKNOWN);
  });

  it('does not guess between two', () => {
    const k = quiet().map('A', 0x1000, 0x5000, 0x1000).map('B', 0x1000, 0x6000, 0x1000);
    expect(ask(k, '')).toBe(UNKNOWN);
  });

  it('finds a mapping whose map named no domain, whatever the unmap names', () => {
    const k = quiet().map('', 0x1000, 0x5000, 0x1000);
    expect(ask(k, 'A')).toBe(UNKNOWN);
    expect(ask(k, '')).toBe(UNKNOWN);
  });
});

describe('forEachReach', () => {
  function reached(k: KernelScript, pfn: number, pages = 1): [iovaPage: number, pages: number][] {
    const runs: [number, number][] = [];
    k.shadow.forEachReach(pfn, pages, (_id, iovaPage, count) => runs.push([iovaPage, count]));
    return runs;
  }

  it('names the IOVA pages that lead to a block, mapping by mapping', () => {
    const k = quiet().map('A', 0x100000, 0x40000, 0x10000).map('B', 0x200000, 0x4e000, 0x4000);
    expect(reached(k, 0x4c, 4)).toEqual([
      [0x10c, 4],
      [0x200, 2],
    ]);
    expect(reached(k, 0x3f)).toEqual([]);
    expect(reached(k, 0x52)).toEqual([]);
  });

  it('leaves out what was unmapped, or mapped over, of a mapping that still lives', () => {
    const k = quiet().map('A', 0x100000, 0x40000, 0x10000).unmap('A', 0x104000, 0x4000);
    k.map('A', 0x10a000, 0x90000, 0x1000);
    expect(reached(k, 0x40, 16)).toEqual([
      [0x100, 4],
      [0x108, 2],
      [0x10b, 5],
    ]);
    expect(reached(k, 0x45)).toEqual([]);
  });

  it('counts pages of the kernel and runs of 4 KiB', () => {
    const k = quiet(16384).map('A', 0x100000, 0x45000, 0x2000);
    expect(reached(k, 0x11)).toEqual([[0x100, 2]]);
    expect(reached(k, 0x10)).toEqual([]);
  });
});

describe('the device of a mapping', () => {
  it('is told by the event of the DMA API behind the map, which also tells whose the domain is', () => {
    const k = quiet().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { domain: 'A' });
    const id = mappingAt(k, 'A', 0x1000);
    expect(k.shadow.deviceOf(id)).toBe(k.device(NIC));
    expect(k.shadow.domains.soleDevice(k.domain('A'))).toBe(k.device(NIC));
    expect(k.shadow.devices.get(k.device(NIC)).translated).toBe(true);
    // From then on a mapping in the domain needs no event: dma_iova_link() makes none.
    k.map('A', 0x9000, 0x6000, 0x1000);
    expect(k.shadow.mappings.device[mappingAt(k, 'A', 0x9000)]).toBe(k.device(NIC));
  });

  it('is told afterwards for mappings that were made before their domain had a device', () => {
    const k = quiet().map('A', 0x1000, 0x5000, 0x1000);
    const id = mappingAt(k, 'A', 0x1000);
    expect(k.shadow.deviceOf(id)).toBe(UNKNOWN);
    k.domainAttach('A', NIC);
    expect(k.shadow.devices.get(k.device(NIC)).translated).toBe(true);
    expect(k.shadow.deviceOf(id)).toBe(k.device(NIC));
  });

  it('is not guessed in a domain of two devices, but each event tells its own', () => {
    const k = quiet().domainAttach('A', NIC).domainAttach('A', DISK).map('A', 0x1000, 0x5000, 0x1000);
    expect(k.shadow.deviceOf(mappingAt(k, 'A', 0x1000))).toBe(UNKNOWN);
    k.dmaMap(DISK, 0x2000, 0x6000, 0x1000, { domain: 'A' });
    expect(k.shadow.deviceOf(mappingAt(k, 'A', 0x2000))).toBe(k.device(DISK));
  });

  it('is not told by the event of another thread, nor by one at another address', () => {
    const k = quiet().as('one').map('A', 0x1000, 0x5000, 0x1000);
    k.as('two').dmaMapEvent(NIC, 0x1000, 0x5000, 0x1000);
    k.as('one').dmaMapEvent(NIC, 0x2000, 0x5000, 0x1000);
    expect(k.shadow.deviceOf(mappingAt(k, 'A', 0x1000))).toBe(UNKNOWN);
  });

  it('is told to all runs of a buffer that is scattered in memory (dma_alloc_noncontiguous)', () => {
    const k = quiet().domainAttach('A', DISK);
    k.map('A', 0x1000, 0x5000, 0x1000).map('A', 0x2000, 0x9000, 0x2000);
    k.dmaMapEvent(NIC, 0x1000, -1, 0x3000, { kind: 'sgt' });
    const devices = [0x1000, 0x2000].map(iova => k.shadow.deviceOf(mappingAt(k, 'A', iova)));
    expect(devices).toEqual([k.device(NIC), k.device(NIC)]);
  });

  it('is told to all runs of a scatterlist, though only the last is the map right before the event', () => {
    const k = quiet().domainAttach('A', DISK);
    const list = [
      { dmaAddr: 0x1000, phys: 0x5000, size: 0x1000 },
      { dmaAddr: 0x2000, phys: 0x9000, size: 0x1000 },
    ];
    k.dmaMapSg(NIC, list, { domain: 'A' });
    const devices = [0x1000, 0x2000].map(iova => k.shadow.deviceOf(mappingAt(k, 'A', iova)));
    expect(devices).toEqual([k.device(NIC), k.device(NIC)]);
  });

  it('is told by the probe at the entry of a DMA API call, for the next map of that thread', () => {
    const k = quiet().domainAttach('A', DISK);
    k.as('one').dmaMapBegin(NIC).as('two').map('A', 0x9000, 0x9000, 0x1000);
    k.as('one').map('A', 0x1000, 0x5000, 0x1000).map('A', 0x2000, 0x6000, 0x1000);
    const devices = [0x9000, 0x1000, 0x2000].map(iova => k.shadow.deviceOf(mappingAt(k, 'A', iova)));
    expect(devices).toEqual([k.device(DISK), k.device(NIC), UNKNOWN]);
  });

  it('comes with the binding of its driver that made the mapping', () => {
    const k = quiet().dmaMap(NIC, 0x1000, 0x5000, 0x1000).probe(NIC, 'e1000e');
    k.dmaMap(NIC, 0x2000, 0x6000, 0x1000).cleanup(NIC).probe(NIC, 'vfio-pci');
    k.dmaMap(NIC, 0x3000, 0x7000, 0x1000);
    const generations = [0x1000, 0x2000, 0x3000].map(
      iova => k.shadow.mappings.generation[mappingAt(k, `domain of ${NIC}`, iova)],
    );
    expect(generations).toEqual([0, 1, 2]);
  });

  it('stays unknown without an IOMMU, and the device is not taken for translated', () => {
    const k = quiet()
      .dmaMap(DISK, 0x1000, 0x9000, 0x1000)
      .dmaMap(NIC, 0x5000, 0x5000, 0x1000, { direct: true });
    k.dmaMapSg(NIC, [{ dmaAddr: 0x7000, phys: 0x7000, size: 0x1000 }], { direct: true });
    expect(k.shadow.devices.get(k.device(NIC)).translated).toBe(false);
    expect(k.shadow.domains.soleDevice(k.domain(`domain of ${DISK}`))).toBe(k.device(DISK));
  });
});

describe('the end of a domain', () => {
  it('takes its mappings, and whose it was: the kernel may give its address to the next', () => {
    const k = quiet().domainAlloc('A', NIC).map('A', 0x1000, 0x5000, 0x4000).map('B', 0x1000, 0x5000, 0x1000);
    k.domainFree('A');
    expect(k.shadow.mappings).toMatchObject({ live: 1, liveBytes: 4096 });
    expect(k.shadow.accounting.mappedPages(5, 4)).toBe(1);
    expect(k.shadow.domains.soleDevice(k.domain('A'))).toBe(UNKNOWN);
    expect(k.shadow.domains.isOwn(k.domain('A'))).toBe(false);
  });
});

describe('pages', () => {
  it('are counted by order, and a record with an order that cannot be is passed over', () => {
    const k = quiet().alloc(0, 3).alloc(0x100).free(0, 9).alloc(0, 64).free(0, 1e9);
    expect(k.shadow).toMatchObject({ pagesAllocated: 9, pagesFreed: 512 });
  });
});

describe('a loss', () => {
  it('casts doubt on everything before its end, also when gaps are told out of order', () => {
    const { shadow } = quiet().lost(0, 1, 100, 200).lost(1, 1, 50, 150);
    expect(shadow.isCertainSince(199)).toBe(false);
    expect(shadow.isCertainSince(200)).toBe(true);
  });

  it('is none where none was told', () => {
    expect(quiet().shadow.isCertainSince(Number.NEGATIVE_INFINITY)).toBe(true);
  });
});
