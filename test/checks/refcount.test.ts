import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

describe('refcount', () => {
  it('tells of a map of physical address 0, which Linux 7.2 does not count', () => {
    const k = new KernelScript({ accounting: 'kernel' }).as('modprobe').map('A', 0x1000, 0, 0x1000);
    const finding = k.sole('refcount');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title:
        'a range from page 0x0 cannot be counted: it begins at 0 or ends at the end of the address space',
      count: 1,
      pages: 1,
      echoes: 0,
      page: { pfn: '0x0' },
    });
    expect(roles(finding)).toEqual(['mapped']);
  });

  it('tells of the pages that its unmap counts down all the same', () => {
    const k = new KernelScript({ accounting: 'kernel' });
    k.withStack(['iommu_map']).map('A', 0x1000, 0, 0x3000);
    k.withStack(['iommu_unmap']).unmap('A', 0x1000, 0x3000);
    const [refused, below] = k.finish();
    expect(refused?.title).toContain('page 0x0 cannot be counted');
    expect(below).toMatchObject({ title: 'the count of page 0x1 went below zero', pages: 2 });
    expect(below && roles(below)).toEqual(['unmapped']);
  });

  it('is only possible for a count after a loss, for it is made of all events; a refused range shows itself', () => {
    const k = new KernelScript({ accounting: 'kernel' }).lose().map('A', 0x1000, 0, 0x2000).lose();
    k.withStack(['iommu_unmap']).unmap('A', 0x1000, 0x2000);
    expect(k.finish().map(({ title, certainty }) => [title.slice(0, 18), certainty])).toEqual([
      ['a range from page ', 'certain'],
      ['the count of page ', 'possible'],
    ]);
  });

  it('never has a reason in exact accounting, where a page counts what is in the tables', () => {
    const k = new KernelScript().map('A', 0x1000, 0, 0x3000).unmap('A', 0x1000, 0x3000).free(0, 2);
    expect(k.finish()).toEqual([]);
  });

  it('stays silent where a page is unmapped that was mapped before the trace', () => {
    expect(new KernelScript({ accounting: 'kernel' }).unmap('A', 0x1000, 0x1000).finish()).toEqual([]);
  });
});
