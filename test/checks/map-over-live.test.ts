import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const MIB2 = 0x200000;

describe('map-over-live', () => {
  it('tells both maps, and whose the first is', () => {
    const k = new KernelScript().probe(NIC, 'gpu').domainAttach('A', NIC);
    k.as('first').withStack(['iommu_map', 'bind[gpu]']).map('A', 0x1000, 0x5000, 0x4000);
    k.as('second').withStack(['iommu_map', 'rebind[gpu]']).map('A', 0x3000, 0x9000, 0x1000);
    const finding = k.sole('map-over-live');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'IOVA 0x3000 mapped to 0x9000 over a live mapping of 0x7000',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'gpu',
      page: { pfn: '0x9' },
      mapping: { iova: '0x1000', sizeBytes: 0x4000, domain: 'A' },
      facts: [{ name: 'New mapping', value: '0x1000 bytes from 0x3000 to 0x9000' }],
      firedAt: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'mapped over']);
    expect(finding.story.map(event => event.task)).toEqual(['first', 'second']);
  });

  it('counts what a 2 MiB block covers on Arm, and these pages are out of reach from then on', () => {
    const k = new KernelScript().map('A', MIB2, 0x5000, 0x1000).map('A', MIB2 + 0x10000, 0x8000, 0x2000);
    k.map('A', MIB2, 0x40000000, MIB2).free(5).free(8).free(9);
    expect(k.sole('map-over-live')).toMatchObject({ count: 1, pages: 3 });
  });

  it('is only possible where the end of domains is not seen: a new domain may have the address of an old one', () => {
    const k = new KernelScript({ capabilities: { hasDomainLifetime: false } });
    k.map('A', 0x1000, 0x5000, 0x1000).map('A', 0x1000, 0x6000, 0x1000);
    expect(k.sole('map-over-live').certainty).toBe('possible');
  });

  it.each<[title: string, script: (k: KernelScript) => unknown]>([
    [
      'the same IOVA in two domains',
      k => k.map('A', 0x1000, 0x5000, 0x1000).map('B', 0x1000, 0x6000, 0x1000),
    ],
    [
      'an IOVA that was unmapped before',
      k => k.map('A', 0x1000, 0x5000, 0x1000).unmap('A', 0x1000, 0x1000).map('A', 0x1000, 0x6000, 0x1000),
    ],
    ['neighbours', k => k.map('A', 0x1000, 0x5000, 0x1000).map('A', 0x2000, 0x6000, 0x1000)],
    [
      'equal IOVAs where domains are not told apart',
      k => k.map('', 0x1000, 0x5000, 0x1000).map('', 0x1000, 0x6000, 0x1000),
    ],
    [
      'a domain that was freed with its mappings, and a new one at its address',
      // iommu_domain_free() of a mapping to itself is no finding either.
      k => k.map('A', 0x1000, 0x1000, 0x1000).domainFree('A').map('A', 0x1000, 0x6000, 0x1000),
    ],
    ['a refused map', k => k.map('A', 0x1000, 0x5000, 0x1000).map('A', 0x1000, 0x6000, 0)],
    ['two IOVAs of one page', k => k.map('A', 0x1000, 0x5000, 0x1000).map('A', 0x2000, 0x5000, 0x1000)],
  ])('stays silent about %s', (_title, script) => {
    const k = new KernelScript();
    script(k);
    expect(k.finish()).toEqual([]);
  });
});
