import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const MIB2 = 0x200000;

describe('unmap-larger-than-requested', () => {
  it('tells of a 4 KiB unmap that took a 2 MiB leaf with it (VT-d, AMD, RISC-V)', () => {
    const k = new KernelScript().probe(NIC, 'gpu').domainAttach('A', NIC);
    k.as('mapper').withStack(['iommu_map', 'bind[gpu]']).map('A', MIB2, 0x40000000, MIB2);
    k.as('unmapper').withStack(['iommu_unmap', 'unbind[gpu]']).unmap('A', MIB2, 0x1000, MIB2);
    const finding = k.sole('unmap-larger-than-requested');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'unmap of 0x1000 bytes at IOVA 0x200000 removed 0x200000',
      count: 1,
      pages: 511,
      echoes: 0,
      device: NIC,
      driver: 'gpu',
      mapping: { iova: '0x200000', phys: '0x40000000', sizeBytes: MIB2, domain: 'A' },
      firedAt: 1,
      facts: [
        { name: 'Asked to unmap', value: '0x1000 bytes from 0x200000' },
        { name: 'Removed', value: '0x200000 bytes, up to 0x400000' },
      ],
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
    expect(finding.story.map(event => event.task)).toEqual(['mapper', 'unmapper']);
  });

  it('is one finding for all pages of the leaf: exact accounting knows that they are gone', () => {
    const k = new KernelScript().map('A', MIB2, 0x40000000, MIB2).unmap('A', MIB2, 0x1000, MIB2);
    for (let pfn = 0x40000; pfn < 0x40200; pfn++) k.free(pfn);
    expect(k.sole('unmap-larger-than-requested').count).toBe(1);
  });

  it('tells of a mapping made before the trace as well: the call itself shows it', () => {
    const k = new KernelScript().unmap('A', MIB2, 0x1000, MIB2);
    expect(roles(k.sole('unmap-larger-than-requested'))).toEqual(['unmapped']);
  });

  it('stays silent when several mappings are joined in one unmap that does what it is asked', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('A', 0x2000, 0x9000, 0x1000);
    expect(k.unmap('A', 0x1000, 0x2000).rules()).toEqual([]);
  });
});

describe('unmap-smaller-than-requested', () => {
  it('tells of a hole: what lies behind is still mapped', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).map('A', 0x3000, 0x7000, 0x1000);
    k.unmap('A', 0x1000, 0x3000, 0x1000);
    const finding = k.sole('unmap-smaller-than-requested');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'unmap of 0x3000 bytes at IOVA 0x1000 stopped after 0x1000',
      count: 1,
      pages: 2,
      echoes: 0,
      mapping: { iova: '0x1000', domain: 'A' },
      firedAt: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('tells of an unmap that was refused, because it would have split a large leaf (Arm)', () => {
    const k = new KernelScript().probe(NIC, 'gpu').domainAttach('A', NIC);
    k.map('A', MIB2, 0x40000000, MIB2).unmap('A', MIB2, 0x1000, 0);
    expect(k.sole('unmap-smaller-than-requested')).toMatchObject({
      certainty: 'certain',
      title: 'unmap of 0x1000 bytes at IOVA 0x200000 was refused',
      pages: 1,
      device: NIC,
      driver: 'gpu',
    });
  });

  it('is only possible where nobody says of which domain the mapping at the IOVA is', () => {
    const k = new KernelScript({ capabilities: { hasDomains: false } });
    k.map('', 0x1000, 0x5000, 0x1000).unmap('', 0x1000, 0x1000, 0);
    expect(k.sole('unmap-smaller-than-requested').certainty).toBe('possible');
  });

  it('stays silent when a map that failed midway is rolled back with what it had mapped', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x2000).unmap('A', 0x1000, 0x2000);
    expect(k.rules()).toEqual([]);
  });

  it('stays silent about the rest of a range of which a part was unmapped before', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x4000);
    expect(k.unmap('A', 0x1000, 0x1000).unmap('A', 0x2000, 0x3000).rules()).toEqual([]);
  });
});

describe('unmap-unmapped', () => {
  it('tells of the second unmap of an IOVA', () => {
    const k = new KernelScript().probe(NIC, 'gpu').domainAttach('A', NIC);
    k.map('A', 0x1000, 0x5000, 0x2000).unmap('A', 0x1000, 0x2000).unmap('A', 0x1000, 0x2000, 0);
    const finding = k.sole('unmap-unmapped');
    expect(finding).toMatchObject({
      severity: 'warning',
      certainty: 'certain',
      title: 'nothing was mapped at IOVA 0x1000, where 0x2000 bytes should be unmapped',
      count: 1,
      pages: 2,
      echoes: 0,
      device: NIC,
      driver: 'gpu',
      facts: [{ name: 'Asked to unmap' }, { name: 'Domain', value: 'A' }],
    });
    expect(roles(finding)).toEqual(['unmapped']);
  });

  it('tells of an unmap in another domain than that of the mapping', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).unmap('B', 0x1000, 0x1000, 0);
    expect(k.sole('unmap-unmapped').facts).toContainEqual({ name: 'Domain', value: 'B' });
  });

  it('stays silent about an IOVA that was never seen mapped, if the unmap returns its size', () => {
    expect(new KernelScript().unmap('A', 0x1000, 0x1000).rules()).toEqual([]);
  });

  it('stays silent about the roll-back of a map that failed at once', () => {
    expect(new KernelScript().map('A', 0x1000, 0x5000, 0).unmap('A', 0x1000, 0, 0).rules()).toEqual([]);
  });
});
