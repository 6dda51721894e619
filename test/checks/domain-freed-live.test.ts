import { describe, expect, it } from 'vitest';
import { IOMMU_PROT_MMIO } from '../../src/kernel/dma.ts';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';

describe('domain-freed-live', () => {
  it('tells who made the mappings that a domain was freed with', () => {
    const k = new KernelScript().probe(NIC, 'vfio-pci').domainAlloc('A', NIC);
    k.as('qemu').withStack(['iommu_map', 'vfio_dma_map[vfio]']).map('A', 0x1000, 0x5000, 0x2000);
    k.map('A', 0x9000, 0x8000, 0x1000);
    k.as('kworker').withStack(['iommu_domain_free', 'vfio_detach[vfio]']).domainFree('A');
    const finding = k.sole('domain-freed-live');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'domain of 0000:00:04.0 (vfio-pci) freed with 2 live mappings',
      count: 1,
      pages: 3,
      echoes: 0,
      device: NIC,
      driver: 'vfio-pci',
      mapping: { iova: '0x1000', domain: 'A' },
      otherMappings: [{ iova: '0x9000', domain: 'A' }],
      firedAt: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'domain freed']);
    expect(finding.story.map(event => event.task)).toEqual(['qemu', 'kworker']);
  });

  it('counts what is left of a mapping of which a part was unmapped', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x8000).unmap('A', 0x1000, 0x5000).domainFree('A');
    expect(k.sole('domain-freed-live').pages).toBe(3);
  });

  it('makes no use after free of it: with the domain gone, no device can reach the pages', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).domainFree('A').free(5).alloc(5);
    expect(k.rules()).toEqual(['domain-freed-live']);
  });

  it.each<[title: string, script: (k: KernelScript) => unknown]>([
    [
      'everything was unmapped before',
      k => k.map('A', 0x1000, 0x5000, 0x3000).unmap('A', 0x1000, 0x3000).domainFree('A'),
    ],
    ['nothing was ever mapped', k => k.domainAlloc('A', NIC).domainFree('A')],
    [
      'an MSI doorbell is left, which lives as long as the domain',
      k => k.map('A', 0x1000, 0xfee00000, 0x1000, IOMMU_PROT_MMIO | 3).domainFree('A'),
    ],
    [
      'a reserved region is left, which is mapped to itself (RMRR)',
      k => k.map('A', 0x7d000000, 0x7d000000, 0x800000).domainFree('A'),
    ],
    ['only another domain has mappings', k => k.map('B', 0x1000, 0x5000, 0x1000).domainFree('A')],
  ])('stays silent when %s', (_title, script) => {
    const k = new KernelScript();
    script(k);
    expect(k.finish()).toEqual([]);
  });
});
