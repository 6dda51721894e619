import { describe, expect, it } from 'vitest';
import { KernelScript } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';

/** One occurrence of a use after free, on a page of its own; `lose` between the map and the free. */
function useAfterFree(k: KernelScript, pfn: number, lose = false): void {
  k.as(`task of ${pfn}`).dmaMap(NIC, pfn * 4096, pfn * 4096 + 0x100000, 0x1000);
  if (lose) k.lose();
  k.free(pfn + 0x100);
}

describe('certainty', () => {
  it('is certain before any loss', () => {
    const k = new KernelScript();
    useAfterFree(k, 1);
    expect(k.lose().sole().certainty).toBe('certain');
  });

  it('is possible when events were lost since the mapping was made: its unmap may be among them', () => {
    const k = new KernelScript();
    useAfterFree(k, 1, true);
    expect(k.sole().certainty).toBe('possible');
  });

  it('is certain again for a mapping made after the loss', () => {
    const k = new KernelScript().lose();
    useAfterFree(k, 1);
    expect(k.sole().certainty).toBe('certain');
  });

  it('counts a gap of which the kernel does not know the size, on any CPU', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000);
    k.lost(7, -1, k.now, k.now + 1).free(5);
    expect(k.sole().certainty).toBe('possible');
  });

  it('counts a gap that ends only after the event, on another CPU', () => {
    const k = new KernelScript().map('A', 0x1000, 0x5000, 0x1000).lost(1, 100, 0, 1_000_000_000).free(5);
    expect(k.sole().certainty).toBe('possible');
  });

  it('does not count a gap that had ended before the mapping was made', () => {
    const k = new KernelScript().map('A', 0x1000, 0x4000, 0x1000).wait(1000);
    k.map('A', 0x2000, 0x5000, 0x1000)
      .lost(1, 100, 0, k.now - 500)
      .free(5);
    expect(k.sole().certainty).toBe('certain');
  });

  it('becomes certain when a certain occurrence follows, and that one is the sample', () => {
    const k = new KernelScript();
    useAfterFree(k, 1, true);
    const first = k.now;
    useAfterFree(k, 2);
    useAfterFree(k, 3);
    const finding = k.sole('free-while-mapped');
    expect(finding).toMatchObject({ certainty: 'certain', count: 3, firstNs: first, lastNs: k.now });
    expect(finding.page?.pfn).toBe('0x102');
    expect(finding.story.map(event => event.task)).toEqual(['task of 2', 'task of 2']);
  });

  it('stays that of the certain sample when a possible occurrence follows', () => {
    const k = new KernelScript();
    useAfterFree(k, 1);
    useAfterFree(k, 2, true);
    expect(k.sole()).toMatchObject({ certainty: 'certain', count: 2, page: { pfn: '0x101' } });
  });

  it('does not mix the story of the sample with what happens to another occurrence', () => {
    const k = new KernelScript();
    useAfterFree(k, 1, true);
    useAfterFree(k, 2);
    k.as('other').dmaUnmap(NIC, 0x1000, 0x1000);
    const finding = k.sole();
    expect(finding.reachable?.ended).toBe(false);
    expect(finding.story.map(event => event.task)).not.toContain('other');
  });

  it.each<[rule: string, script: (k: KernelScript) => unknown]>([
    ['alloc-while-mapped', k => k.map('A', 0x1000, 0x5000, 0x1000).lose().alloc(5)],
    ['map-over-live', k => k.map('A', 0x1000, 0x5000, 0x1000).lose().map('A', 0x1000, 0x6000, 0x1000)],
    ['domain-freed-live', k => k.map('A', 0x1000, 0x5000, 0x1000).lose().domainFree('A')],
    ['unbind-leak', k => k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).lose().unbind(NIC)],
    ['dma-sync-range', k => k.dmaMap(NIC, 0x1000, 0x5000, 0x1000).lose().sync(NIC, 0x1000, 0x2000)],
  ])('of %s is possible when it rests on what was believed before a loss', (rule, script) => {
    const k = new KernelScript();
    script(k);
    expect(k.sole(rule).certainty).toBe('possible');
  });

  it.each<[rule: string, script: (k: KernelScript) => unknown]>([
    ['unmap-larger-than-requested', k => k.lose().unmap('A', 0x1000, 0x1000, 0x2000)],
    ['unmap-smaller-than-requested', k => k.lose().unmap('A', 0x1000, 0x2000, 0x1000)],
  ])('of %s is not touched by a loss: the event itself says it', (rule, script) => {
    const k = new KernelScript();
    script(k);
    expect(k.sole(rule).certainty).toBe('certain');
  });

  it.each<[what: string, rule: string, script: (k: KernelScript) => unknown]>([
    [
      'nothing was mapped: the map may have been lost, and the unmap refused',
      'unmap-unmapped',
      k => k.lose().unmap('A', 0x1000, 0x1000, 0),
    ],
    [
      'an unmap was refused: what it should unmap may have been gone',
      'unmap-smaller-than-requested',
      k => k.map('A', 0x1000, 0x5000, 0x1000).lose().unmap('A', 0x1000, 0x1000, 0),
    ],
    [
      'the address is mapped for another device only: it may have been mapped for both',
      'dma-wrong-device',
      k =>
        k
          .lose()
          .dmaMap('0000:00:05.0', 0x1000, 0x1000, 0x1000, { direct: true })
          .dmaUnmap(NIC, 0x1000, 0x1000, { direct: true }),
    ],
    [
      'a device without an IOMMU maps memory as it is unmapped: it may have mapped it twice',
      'dma-wrong-size',
      k =>
        k
          .lose()
          .dmaMap(NIC, 0x1000, 0x1000, 0x1000, { direct: true })
          .dmaUnmap(NIC, 0x1000, 0x2000, { direct: true }),
    ],
    [
      'a mapping is of the DMA API: its domain may have been a driver’s own',
      'unbind-leak',
      k => k.lose().domainAttach('A', NIC).map('A', 0x1000, 0x5000, 0x1000).unbind(NIC),
    ],
  ])('is possible after a loss where a rule takes for certain that %s', (_, rule, script) => {
    const k = new KernelScript();
    script(k);
    expect(k.sole(rule).certainty).toBe('possible');
  });

  it('of a leak is certain where a call of the DMA API named the device after the loss', () => {
    const k = new KernelScript().lose().dmaMap(NIC, 0x1000, 0x5000, 0x1000).unbind(NIC);
    expect(k.sole('unbind-leak').certainty).toBe('certain');
  });

  it('is possible for a mapping without a domain where others have one: its unmap will name it', () => {
    const k = new KernelScript().map('A', 0x9000, 0x9000, 0x1000).map('', 0x1000, 0x5000, 0x1000).free(5);
    expect(k.sole().certainty).toBe('possible');
    expect(new KernelScript().map('', 0x1000, 0x5000, 0x1000).free(5).sole().certainty).toBe('certain');
  });

  it('does not take the device of a call before a loss for that of the map behind it', () => {
    const k = new KernelScript().dmaMapBegin(NIC).lose().map('A', 0x1000, 0x5000, 0x1000).free(5);
    expect(k.sole().device).toBeUndefined();
    const whole = new KernelScript().dmaMapBegin(NIC).map('A', 0x1000, 0x5000, 0x1000).free(5);
    expect(whole.sole().device).toBe(NIC);
  });

  it('tells the story of the mapping that is surely there', () => {
    const k = new KernelScript()
      .map('A', 0x1000, 0x5000, 0x1000)
      .lose()
      .map('B', 0x2000, 0x5000, 0x1000)
      .free(5);
    expect(k.sole()).toMatchObject({ certainty: 'certain', mapping: { iova: '0x2000' } });
  });
});
