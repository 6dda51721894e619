import { describe, expect, it } from 'vitest';
import { KernelScript, type KernelScriptOptions, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const EVERY_ALLOCATION: KernelScriptOptions = { capabilities: { hasEveryAllocation: true } };

describe('map-free-page', () => {
  it('tells who freed a page that is mapped without having been allocated again', () => {
    const k = new KernelScript(EVERY_ALLOCATION).probe(NIC, 'e1000e').domainAttach('A', NIC);
    k.as('owner').withStack(['__free_pages', 'owner_close']).alloc(5).free(5);
    k.as('late').withStack(['iommu_map', 'e1000_open[e1000e]']).map('A', 0x1000, 0x5000, 0x1000);
    const finding = k.sole('map-free-page');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'free page 0x5 mapped at IOVA 0x1000',
      count: 1,
      pages: 1,
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x5', phys: '0x5000' },
      firedAt: 1,
    });
    expect(roles(finding)).toEqual(['freed', 'mapped']);
    expect(finding.story.map(event => event.task)).toEqual(['owner', 'late']);
  });

  it('counts the free pages of a large mapping, and names the first', () => {
    const k = new KernelScript(EVERY_ALLOCATION).free(6).free(9);
    k.map('A', 0x100000, 0x5000, 0x8000);
    expect(k.sole('map-free-page')).toMatchObject({ pages: 2, page: { pfn: '0x6' } });
  });

  it('looks at whole pages where those of the IOMMU are smaller', () => {
    const k = new KernelScript({ ...EVERY_ALLOCATION, pageSize: 65536 }).free(2).free(4);
    k.map('A', 0x1000, 0x2f000, 0x12000);
    expect(k.sole('map-free-page')).toMatchObject({ pages: 2, page: { pfn: '0x2', phys: '0x20000' } });
  });

  it.each<[title: string, script: (k: KernelScript) => unknown]>([
    ['an allocated page', k => k.free(5).alloc(5).map('A', 0x1000, 0x5000, 0x1000)],
    ['a page of which nothing is known', k => k.free(4).free(6).map('A', 0x1000, 0x5000, 0x1000)],
    ['a failed map', k => k.free(5).map('A', 0x1000, 0x5000, 0)],
  ])('stays silent about %s', (_title, script) => {
    const k = new KernelScript(EVERY_ALLOCATION);
    script(k);
    expect(k.finish()).toEqual([]);
  });

  it('is off for a recording: bulk allocation, compaction and CMA hand out pages without an event', () => {
    const k = new KernelScript().free(5).map('A', 0x1000, 0x5000, 0x1000);
    expect(k.finish()).toEqual([]);
    expect(k.judge.skipped()).toContainEqual({
      rule: 'map-free-page',
      reason: expect.stringContaining('does not show every allocation'),
    });
  });
});
