import { describe, expect, it } from 'vitest';
import {
  BIDIRECTIONAL,
  type DmaOptions,
  FROM_DEVICE,
  KernelScript,
  roles,
  type Segment,
  TO_DEVICE,
} from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';

const NO_KERNEL_MAPPING = 1 << 4;
const SKIP_CPU_SYNC = 1 << 5;
const PRIVILEGED = 1 << 9;

/** Two entries that are two DMA segments. */
const LIST: readonly Segment[] = [
  { dmaAddr: 0x1000, phys: 0x5000, size: 0x1000 },
  { dmaAddr: 0x2000, phys: 0x9000, size: 0x2000 },
];

function bound(): KernelScript {
  return new KernelScript().as('modprobe').probe(NIC, 'e1000e').withStack(['e1000_open[e1000e]']);
}

function later(k: KernelScript): KernelScript {
  return k.as('rmmod').withStack(['e1000_close[e1000e]']);
}

describe('dma-wrong-size', () => {
  it('compares the size of the unmap with that of the map', () => {
    const k = bound().dmaMap(NIC, 0x1040, 0x5040, 0x600);
    later(k).dmaUnmap(NIC, 0x1040, 0x800);
    const finding = k.sole('dma-wrong-size');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:04.0 (e1000e) unmapped DMA address 0x1040 with size 0x800, but had mapped 0x600',
      count: 1,
      pages: 1,
      echoes: 0,
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x5', phys: '0x5000' },
      facts: [
        { name: 'Mapped', value: '1536 bytes' },
        { name: 'Unmapped', value: '2048 bytes' },
      ],
      firedAt: 1,
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
    expect(finding.story.map(event => event.task)).toEqual(['modprobe', 'rmmod']);
  });

  it('leaves the rest within reach of the device, and that is what a free of it finds', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x2000).dmaUnmap(NIC, 0x1000, 0x1000).free(5).free(6);
    expect(k.rules()).toEqual(['dma-wrong-size', 'free-while-mapped']);
  });

  it('does not ask a scatterlist, whose unmap names no size', () => {
    expect(bound().dmaMapSg(NIC, LIST).dmaUnmapSg(NIC, LIST).rules()).toEqual([]);
  });

  it('takes the mapping that fits best where one address is mapped twice (no IOMMU)', () => {
    const direct: DmaOptions = { direct: true };
    const k = bound().dmaMap(NIC, 0x5000, 0x5000, 0x600, direct).dmaMap(NIC, 0x5000, 0x5000, 0x200, direct);
    k.dmaUnmap(NIC, 0x5000, 0x600, direct).dmaUnmap(NIC, 0x5000, 0x200, direct);
    expect(k.rules()).toEqual([]);
  });
});

describe('dma-wrong-direction', () => {
  it('compares the direction of the unmap with that of the map', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { direction: FROM_DEVICE });
    later(k).dmaUnmap(NIC, 0x1000, 0x1000, { direction: TO_DEVICE });
    const finding = k.sole('dma-wrong-direction');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: '0000:00:04.0 (e1000e) unmapped DMA address 0x1000 as TO_DEVICE, but had mapped it FROM_DEVICE',
      count: 1,
      pages: 1,
      device: NIC,
      driver: 'e1000e',
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('asks scatterlists as well', () => {
    const k = bound().dmaMapSg(NIC, LIST, { direction: TO_DEVICE }).dmaUnmapSg(NIC, LIST, { direction: 0 });
    expect(k.sole('dma-wrong-direction').title).toContain('as BIDIRECTIONAL, but had mapped it TO_DEVICE');
  });

  it('stays silent where the source does not record directions', () => {
    const unknown = { direction: -1 };
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, unknown);
    expect(k.dmaUnmap(NIC, 0x1000, 0x1000, { direction: TO_DEVICE }).rules()).toEqual([]);
  });
});

describe('dma-wrong-function', () => {
  it('names the function that would be right', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { kind: 'coherent' });
    later(k).dmaUnmap(NIC, 0x1000, 0x1000);
    const finding = k.sole('dma-wrong-function');
    expect(finding.title).toBe(
      '0000:00:04.0 (e1000e) unmapped DMA address 0x1000 by dma_unmap_phys(), but had mapped it by dma_alloc_attrs()',
    );
    expect(finding.facts).toContainEqual({ name: 'Right would be', value: 'dma_free_attrs()' });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('finds a scatterlist that is unmapped segment by segment', () => {
    const k = bound().dmaMapSg(NIC, LIST).dmaUnmap(NIC, 0x1000, 0x1000);
    expect(k.sole('dma-wrong-function').title).toContain(
      'dma_unmap_phys(), but had mapped it by dma_map_sg()',
    );
  });

  it.each(['single', 'coherent', 'pages', 'sgt'] as const)('stays silent for a matching pair: %s', kind => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { kind });
    expect(k.dmaUnmap(NIC, 0x1000, 0x1000, { kind }).rules()).toEqual([]);
  });
});

describe('dma-wrong-attrs', () => {
  it('compares the attributes that must match', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { kind: 'coherent', attrs: NO_KERNEL_MAPPING });
    later(k).dmaUnmap(NIC, 0x1000, 0x1000, { kind: 'coherent', attrs: PRIVILEGED });
    const finding = k.sole('dma-wrong-attrs');
    expect(finding.title).toBe(
      '0000:00:04.0 (e1000e) unmapped DMA address 0x1000 with attributes PRIVILEGED, but had mapped it with NO_KERNEL_MAPPING',
    );
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('stays silent about attributes that a call may differ in, as page_pool does with SKIP_CPU_SYNC', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000);
    expect(k.dmaUnmap(NIC, 0x1000, 0x1000, { attrs: SKIP_CPU_SYNC }).rules()).toEqual([]);
  });

  it('stays silent where the source does not record attributes', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { attrs: -1 });
    expect(k.dmaUnmap(NIC, 0x1000, 0x1000, { attrs: PRIVILEGED }).rules()).toEqual([]);
  });
});

describe('dma-wrong-sg', () => {
  it('compares the number of entries: the one that was passed, not the one that was returned', () => {
    const k = bound().dmaMapSg(NIC, LIST);
    later(k).dmaUnmapSg(NIC, LIST.slice(0, 1));
    const finding = k.sole('dma-wrong-sg');
    expect(finding).toMatchObject({
      title: '0000:00:04.0 (e1000e) unmapped DMA address 0x1000 as a list of 1 entry, but had mapped 2',
      certainty: 'certain',
      count: 1,
      device: NIC,
      driver: 'e1000e',
      page: { pfn: '0x5' },
    });
    expect(roles(finding)).toEqual(['mapped', 'unmapped']);
  });

  it('stays silent about lists longer than an event can hold: that of the unmap is cut at 128', () => {
    const long = Array.from({ length: 200 }, (_, i) => ({
      dmaAddr: 0x100000 + i * 0x1000,
      phys: 0x900000 + i * 0x2000,
      size: 0x1000,
    }));
    const k = bound().dmaMapSg(NIC, long, { direct: true }).dmaUnmapSg(NIC, long, { direct: true });
    expect(k.rules()).toEqual([]);
  });

  it('tells two lists apart that begin with the same page, by their length and direction', () => {
    const short = [{ dmaAddr: 0x9000, phys: 0x5000, size: 0x1000 }];
    const k = bound().dmaMapSg(NIC, LIST, { direction: TO_DEVICE });
    k.dmaMapSg(NIC, short, { direction: FROM_DEVICE });
    k.dmaUnmapSg(NIC, LIST, { direction: TO_DEVICE }).dmaUnmapSg(NIC, short, { direction: FROM_DEVICE });
    expect(k.rules()).toEqual([]);
  });

  it('forgets both when both are unmapped, in either order', () => {
    for (const order of [0, 1]) {
      const again = LIST.map(segment => ({ ...segment, dmaAddr: segment.dmaAddr + 0x10000 }));
      const k = bound().dmaMapSg(NIC, LIST).dmaMapSg(NIC, again);
      const lists = order === 0 ? [LIST, again] : [again, LIST];
      for (const list of lists) k.dmaUnmapSg(NIC, list);
      k.dmaMapSg(NIC, LIST, { direction: TO_DEVICE }).dmaUnmapSg(NIC, LIST, { direction: TO_DEVICE });
      expect(k.rules()).toEqual([]);
    }
  });
});

describe('the unmap rules', () => {
  it('tell one call by each rule that it breaks', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { direction: TO_DEVICE });
    k.dmaUnmap(NIC, 0x1000, 0x800, { direction: FROM_DEVICE });
    expect(k.rules().sort()).toEqual(['dma-wrong-direction', 'dma-wrong-size']);
  });

  it('compare with the mapping of the same device where two have equal addresses', () => {
    const k = bound().dmaMap(NIC, 0x1000, 0x5000, 0x1000, { direction: TO_DEVICE });
    k.dmaMap(DISK, 0x1000, 0x6000, 0x2000, { direction: FROM_DEVICE });
    k.dmaUnmap(NIC, 0x1000, 0x1000, { direction: TO_DEVICE });
    k.dmaUnmap(DISK, 0x1000, 0x2000, { direction: FROM_DEVICE });
    expect(k.rules()).toEqual([]);
  });

  it('are one finding for a loop, and only possible when events were lost since the map', () => {
    const k = bound();
    const once = (lose: boolean): void => {
      k.withStack(['e1000_open[e1000e]']).dmaMap(NIC, 0x1000, 0x5000, 0x1000, { direction: TO_DEVICE });
      if (lose) k.lose();
      later(k).dmaUnmap(NIC, 0x1000, 0x1000, { direction: BIDIRECTIONAL });
    };
    once(true);
    expect(k.sole()).toMatchObject({ certainty: 'possible', count: 1 });
    for (let i = 0; i < 9; i++) once(false);
    expect(k.sole()).toMatchObject({ certainty: 'certain', count: 10, pages: 10, echoes: 0 });
  });
});
