import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';
const IOVA = 0xffff_0000;
/** Pages and their numbers. */
const P = 0x5000_0000;
const PFN = P / 4096;

/** A kernel in which a page of the network card was mapped before. */
function found(device = NIC): KernelScript {
  const k = new KernelScript();
  return k.reading(() => k.found('table', device, IOVA, P));
}

describe('a mapping from before the recording', () => {
  it('is blamed on nobody, and a free of its page is told', () => {
    const finding = found().as('rmmod').free(PFN).sole('free-while-mapped');
    expect(finding).toMatchObject({ certainty: 'certain', device: NIC });
    expect(roles(finding)).toEqual(['found mapped', 'freed']);
    // The address of a table is not that of a domain.
    expect(finding.mapping).toEqual({ iova: '0xffff0000', phys: '0x50000000', sizeBytes: 4096, device: NIC });
  });

  it('is not counted among those that were made', () => {
    const k = found();
    expect([k.shadow.mappings.made, k.shadow.mappings.live]).toEqual([0, 1]);
  });

  it('ends with an unmap in its domain, which no event has named before', () => {
    expect(found().unmap('domain', IOVA, 4096).free(PFN).finish()).toEqual([]);
  });

  it('ends with an unmap whose source names no domain', () => {
    expect(found().unmap('', IOVA, 4096).free(PFN).finish()).toEqual([]);
  });

  it('ends in part with an unmap of a part', () => {
    const k = new KernelScript();
    k.reading(() => k.found('table', NIC, IOVA, P, 4 * 4096));
    k.unmap('domain', IOVA + 4096, 4096).free(PFN + 1);
    expect(k.free(PFN + 2).sole('free-while-mapped').page?.pfn).toBe('0x50002');
  });

  it('is not ended by the unmap of another device at the same IOVA', () => {
    const k = found();
    k.dmaMap(DISK, IOVA, 0x9000, 4096).dmaUnmap(DISK, IOVA, 4096);
    expect(k.free(PFN).rules()).toEqual(['free-while-mapped']);
  });

  it('is of the domain whose device it has, also where another table has the same IOVA', () => {
    const k = new KernelScript();
    k.reading(() => k.found('table of nic', NIC, IOVA, P).found('table of disk', DISK, IOVA, P + 4096));
    k.domainAttach('domain of nic', NIC).unmap('domain of nic', IOVA, 4096);
    expect(
      k
        .free(PFN)
        .free(PFN + 1)
        .sole('free-while-mapped').page?.pfn,
    ).toBe('0x50001');
  });

  it('is given up where an unmap may be of any of several tables: nobody is accused', () => {
    const k = new KernelScript();
    k.reading(() => k.found('table of nic', NIC, IOVA, P).found('table of disk', DISK, IOVA, P + 4096));
    expect(
      k
        .unmap('unknown', IOVA, 4096)
        .free(PFN)
        .free(PFN + 1)
        .finish(),
    ).toEqual([]);
  });

  it('lets a domain be known by an unmap that only one table can have', () => {
    const k = new KernelScript();
    k.reading(() => {
      k.found('table of nic', NIC, IOVA, P).found('table of nic', NIC, IOVA - 4096, P + 8192);
      k.found('table of disk', DISK, IOVA, P + 4096);
    });
    // Only the card has this one; the next is then its too.
    k.unmap('domain', IOVA - 4096, 4096).unmap('domain', IOVA, 4096);
    expect(
      k
        .free(PFN)
        .free(PFN + 2)
        .free(PFN + 1)
        .sole('free-while-mapped').page?.pfn,
    ).toBe('0x50001');
  });

  it('goes without a word when its domain maps there again, or is freed', () => {
    const mapped = found().domainAttach('domain', NIC).map('domain', IOVA, 0x7000, 4096);
    expect(mapped.free(PFN).finish()).toEqual([]);
    expect(found().domainAttach('domain', NIC).domainFree('domain').free(PFN).finish()).toEqual([]);
    // A domain that no event has shown may be that of any table.
    expect(found().domainFree('domain').free(PFN).finish()).toEqual([]);
    expect(found().domainAlloc('new', DISK).domainFree('new').free(PFN).rules()).toEqual([
      'free-while-mapped',
    ]);
  });

  it('is left behind by a driver that leaves', () => {
    const k = new KernelScript();
    k.probe(NIC, 'e1000e').reading(() => k.found('table', NIC, IOVA, P));
    expect(roles(k.unbind(NIC).sole('unbind-leak'))).toEqual(['found mapped', 'unbound']);
  });
});

describe('what happens while the state is read', () => {
  it('is newer than an unmapped page that was read', () => {
    const k = new KernelScript();
    k.reading(() => k.unmap('domain', IOVA, 4096).found('table', NIC, IOVA, P));
    expect(k.free(PFN).finish()).toEqual([]);
  });

  it('cuts what was unmapped out of a run', () => {
    const k = new KernelScript();
    k.reading(() => k.unmap('domain', IOVA + 4096, 4096).found('table', NIC, IOVA, P, 3 * 4096));
    k.free(PFN + 1);
    expect(k.free(PFN + 2).sole('free-while-mapped').page?.pfn).toBe('0x50002');
  });

  it('is newer than a page that was mapped since, which is known with who mapped it', () => {
    const k = new KernelScript().domainAttach('domain', NIC).map('domain', IOVA, P, 4096);
    k.reading(() => k.found('table', NIC, IOVA, P));
    expect(k.shadow.mappings.live).toBe(1);
    expect(k.unmap('domain', IOVA, 4096).free(PFN).finish()).toEqual([]);
  });

  it('is not newer when it is of another device', () => {
    const k = new KernelScript()
      .domainAttach('domain of disk', DISK)
      .map('domain of disk', IOVA, 0x9000, 4096);
    k.reading(() => k.found('table', NIC, IOVA, P));
    expect(k.free(PFN).rules()).toEqual(['free-while-mapped']);
  });

  it('says nothing of what is found by a later reading', () => {
    const k = new KernelScript().unmap('domain', IOVA, 4096);
    k.reading(() => k.found('table', NIC, IOVA, P));
    expect(k.free(PFN).rules()).toEqual(['free-while-mapped']);
  });
});
