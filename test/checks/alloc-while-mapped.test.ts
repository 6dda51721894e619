import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';

describe('alloc-while-mapped', () => {
  it('tells of a page that was freed unseen, when it is handed out to its next owner', () => {
    const k = new KernelScript().probe(NIC, 'e1000e');
    k.as('first').withStack(['__alloc_pages', 'first_owner']).alloc(5);
    k.withStack(['iommu_map', 'e1000_open[e1000e]']).dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    k.as('second').withStack(['__alloc_pages', 'second_owner']).alloc(5);
    const finding = k.sole('alloc-while-mapped');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'page 0x5 handed out while 0000:00:04.0 (e1000e) can reach it at IOVA 0x1000',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
      mapping: { domain: `domain of ${NIC}` },
    });
    expect(roles(finding)).toEqual(['allocated', 'mapped', 'allocated']);
    expect(finding.firedAt).toBe(2);
    expect(finding.story.map(event => event.task)).toEqual(['first', 'first', 'second']);
  });

  it('counts the frees and allocations that follow as its echoes', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).alloc(5).free(5).alloc(5).free(5);
    const finding = k.sole('alloc-while-mapped');
    expect(finding).toMatchObject({ count: 1, echoes: 3 });
    expect(roles(finding)).toEqual(['mapped', 'allocated', 'freed again', 'allocated again']);
  });

  it('says how many pages of a block were mapped', () => {
    const k = new KernelScript().map('A', 0x1000, 0x12000, 0x3000).alloc(0x10, 3);
    expect(k.sole('alloc-while-mapped')).toMatchObject({
      pages: 3,
      page: { pfn: '0x12' },
      title: 'page 0x12 and 2 more pages handed out while a device can reach it at IOVA 0x1000',
    });
  });

  it('stays silent about a page that is mapped only after it was handed out', () => {
    const k = new KernelScript().alloc(5).map('A', 0x1000, 0x5000, 0x1000).alloc(4).alloc(6);
    k.unmap('A', 0x1000, 0x1000).free(5).alloc(5);
    expect(k.finish()).toEqual([]);
  });
});
