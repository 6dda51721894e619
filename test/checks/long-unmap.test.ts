import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const GIB = 2 ** 30;
const MS = 1e6;

function unmapOf(size: number, tookMs: number, where: 'task' | 'softirq' = 'task'): KernelScript {
  const k = new KernelScript().map('A', GIB, GIB, GIB).as('vfio', 1, where);
  return k
    .withStack(['__iommu_unmap', 'vfio_unmap_unpin[vfio_iommu_type1]'])
    .unmapBegin('A', GIB, size)
    .wait(tookMs * MS)
    .unmapEnd('A', GIB, size);
}

describe('an unmap', () => {
  it('that holds its CPU for long is a note', () => {
    const finding = unmapOf(GIB, 2621.44).sole('long-unmap');
    expect(finding).toMatchObject({
      severity: 'note',
      title: 'unmap of 262144 pages at IOVA 0x40000000 took 2.6 s',
      pages: 262144,
      facts: [
        { name: 'Took', value: '2.6 s, 10 µs for each 4 KiB' },
        { name: 'Context', value: expect.stringContaining('a task') },
      ],
    });
    expect(roles(finding)).toEqual(['mapped', 'unmap began', 'unmapped']);
  });

  it('may take less in an interrupt, where nothing else runs', () => {
    expect(unmapOf(GIB, 20).rules()).toEqual([]);
    expect(unmapOf(GIB, 20, 'softirq').sole('long-unmap').title).toMatch(/took 20 ms in an interrupt$/);
  });

  it('is silent where it is quick, or small: then it was not the pages that took long', () => {
    expect(unmapOf(GIB, 99).rules()).toEqual([]);
    expect(unmapOf(1 << 20, 5000).rules()).toEqual([]);
  });

  it('of another thread in between is not mixed up with it', () => {
    const k = new KernelScript()
      .map('A', GIB, GIB, GIB)
      .as('one')
      .unmapBegin('A', GIB, GIB)
      .wait(200 * MS);
    k.as('two').unmap('B', GIB, GIB);
    expect(k.rules()).toEqual([]);
  });
});
