import { describe, expect, it } from 'vitest';
import type { DmaKind } from '../../src/kernel/dma.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import { DmaEntries } from '../../src/shadow/dma-entries.ts';

const NIC = 1;
const DISK = 2;

function at(timeNs: number) {
  return { ...newMoment(), timeNs };
}

interface Entry {
  readonly device?: number;
  readonly size?: number;
  readonly kind?: DmaKind;
  readonly direction?: number;
  readonly phys?: number;
  readonly timeNs?: number;
}

function add(dma: DmaEntries, address: number, entry: Entry = {}): number {
  const { device = NIC, size = 0x1000, kind = 'single', direction = 1, phys = -1, timeNs = 0 } = entry;
  return dma.add(at(timeNs), kind, device, address, size, phys, direction, 0, 0);
}

/** A scatterlist of segments of 4 KiB. */
function addList(dma: DmaEntries, addresses: readonly number[], phys: number, entry: Entry = {}): number {
  const entries = addresses.map((address, i) =>
    add(dma, address, { ...entry, kind: 'sg', phys: i === 0 ? phys : -1 }),
  );
  const [first = 0] = entries;
  for (let i = 1; i < entries.length; i++) dma.chain(first, entries[i - 1] as number, entries[i] as number);
  dma.addList(first, addresses.length);
  return first;
}

describe('find', () => {
  it('answers with the live entry at exactly this address of this device', () => {
    const dma = new DmaEntries();
    const entry = add(dma, 0x1040);
    expect(dma.find(NIC, 0x1040, 0x1000, 'single', 1)).toBe(entry);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 1)).toBe(0);
    expect(dma.find(DISK, 0x1040, 0x1000, 'single', 1)).toBe(0);
  });

  it('takes what fits best of several: size, kind and direction count alike', () => {
    const dma = new DmaEntries();
    const small = add(dma, 0x1000, { size: 0x200 });
    const coherent = add(dma, 0x1000, { kind: 'coherent' });
    const up = add(dma, 0x1000, { direction: 2 });
    expect(dma.find(NIC, 0x1000, 0x200, 'single', 1)).toBe(small);
    expect(dma.find(NIC, 0x1000, 0x1000, 'coherent', 1)).toBe(coherent);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 2)).toBe(up);
  });

  it('takes the youngest of equals, and something rather than nothing', () => {
    const dma = new DmaEntries();
    add(dma, 0x1000);
    const younger = add(dma, 0x1000);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 1)).toBe(younger);
    expect(dma.find(NIC, 0x1000, 0x999, 'pages', 0)).toBe(younger);
  });

  it('does not remember an answer beyond the next change', () => {
    const dma = new DmaEntries();
    const first = add(dma, 0x1000);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 1)).toBe(first);
    const second = add(dma, 0x1000);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 1)).toBe(second);
    dma.undo(at(1), second);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 1)).toBe(first);
    dma.undo(at(2), first);
    expect(dma.find(NIC, 0x1000, 0x1000, 'single', 1)).toBe(0);
  });
});

describe('an entry that was undone', () => {
  it('is former: it is not found any more, but known', () => {
    const dma = new DmaEntries();
    const entry = add(dma, 0x1000, { timeNs: 5 });
    dma.undo(at(9), entry);
    expect(dma.isFormer(entry)).toBe(true);
    expect(dma.findFormer(NIC, 0x1000)).toBe(entry);
    expect([dma.madeAt(entry).timeNs, dma.undoneAt(entry).timeNs]).toEqual([5, 9]);
    expect(dma.findFormer(NIC, 0x2000)).toBe(0);
    expect(dma.findFormer(DISK, 0x1000)).toBe(0);
  });

  it('is the one that ended last, where there are several at its address', () => {
    const dma = new DmaEntries();
    const [first, second] = [add(dma, 0x1000), add(dma, 0x1000)];
    dma.undo(at(20), first);
    dma.undo(at(10), second);
    expect(dma.findFormer(NIC, 0x1000)).toBe(first);
  });

  it('is forgotten when 65,536 others have ended since, and its record is used again', () => {
    const dma = new DmaEntries();
    const entries: number[] = [];
    for (let i = 0; i <= 65_536; i++) {
      const entry = add(dma, i * 0x1000);
      entries.push(entry);
      dma.undo(at(i), entry);
      if (i === 65_535) expect(dma.findFormer(NIC, 0)).toBe(entries[0]);
    }
    expect(dma.findFormer(NIC, 0)).toBe(0);
    expect(dma.containing(NIC, 0)).toBe(0);
    expect(dma.findFormer(NIC, 0x1000)).toBe(entries[1]);
    expect(add(dma, 0x9000)).toBe(entries[0]);
  });

  it('is forgotten without its neighbours in the same page', () => {
    const dma = new DmaEntries();
    const [low, middle, high] = [add(dma, 0x1000), add(dma, 0x1400), add(dma, 0x1800)];
    dma.undo(at(0), middle);
    for (let i = 1; i <= 65_536; i++) dma.undo(at(i), add(dma, 0x100000 + i * 0x1000));
    expect(dma.findFormer(NIC, 0x1400)).toBe(0);
    expect([0x1000, 0x1800].map(address => dma.find(NIC, address, 0x1000, 'single', 1))).toEqual([low, high]);
  });
});

describe('containing', () => {
  it('finds the entry around an address, up to its last byte', () => {
    const dma = new DmaEntries();
    const entry = add(dma, 0x1040, { size: 0x2000 });
    const found = [0x103f, 0x1040, 0x2000, 0x303f, 0x3040].map(address => dma.containing(NIC, address));
    expect(found).toEqual([0, entry, entry, entry, 0]);
    expect(dma.containing(DISK, 0x2000)).toBe(0);
  });

  it('looks as far back as the largest entry of the device reaches', () => {
    const dma = new DmaEntries();
    const large = add(dma, 0x100000, { size: 0x400000 });
    const small = add(dma, 0x480000, { size: 0x1000, direction: 2 });
    expect(dma.containing(NIC, 0x4fffff)).toBe(large);
    expect(dma.containing(NIC, 0x480800)).toBe(small);
    expect(dma.containing(NIC, 0x500000)).toBe(0);
  });

  it('takes a live entry before a former one', () => {
    const dma = new DmaEntries();
    const live = add(dma, 0x1000, { size: 0x4000 });
    const former = add(dma, 0x3000);
    dma.undo(at(1), former);
    expect(dma.containing(NIC, 0x3000)).toBe(live);
    dma.undo(at(2), live);
    expect(dma.containing(NIC, 0x3000)).toBe(former);
  });

  it('does not find an empty entry', () => {
    const dma = new DmaEntries();
    add(dma, 0x1000, { size: 0 });
    expect(dma.containing(NIC, 0x1000)).toBe(0);
  });
});

describe('a scatterlist', () => {
  it('is found by the physical address of its first entry, and undone as a whole', () => {
    const dma = new DmaEntries();
    const first = addList(dma, [0x1000, 0x3000, 0x5000], 0x77000);
    expect(dma.findList(NIC, 0x77000, 3, 1)).toBe(first);
    expect(dma.findList(DISK, 0x77000, 3, 1)).toBe(0);
    dma.undo(at(1), first);
    expect(dma.findList(NIC, 0x77000, 3, 1)).toBe(0);
    for (const address of [0x1000, 0x3000, 0x5000]) expect(dma.findFormer(NIC, address)).not.toBe(0);
  });

  it('is undone as a whole also through one of its segments', () => {
    const dma = new DmaEntries();
    addList(dma, [0x1000, 0x3000], 0x77000);
    dma.undo(at(1), dma.find(NIC, 0x3000, 0x1000, 'sg', 1));
    expect(dma.find(NIC, 0x1000, 0x1000, 'sg', 1)).toBe(0);
    expect(dma.findList(NIC, 0x77000, 2, 1)).toBe(0);
  });

  it('is told from others that begin with the same page by its length and direction', () => {
    const dma = new DmaEntries();
    const lists = [
      addList(dma, [0x1000, 0x2000], 0x77000),
      addList(dma, [0x3000], 0x77000),
      addList(dma, [0x4000], 0x77000, { direction: 2 }),
    ];
    const ask = () => [
      dma.findList(NIC, 0x77000, 2, 1),
      dma.findList(NIC, 0x77000, 1, 1),
      dma.findList(NIC, 0x77000, 1, 2),
    ];
    expect(ask()).toEqual(lists);
    // The middle one of the chain, then what is left.
    dma.undo(at(1), lists[1] as number);
    expect(ask()).toEqual([lists[0], lists[2], lists[2]]);
    dma.undo(at(2), lists[2] as number);
    expect(ask()).toEqual([lists[0], lists[0], lists[0]]);
    dma.undo(at(3), lists[0] as number);
    expect(ask()).toEqual([0, 0, 0]);
  });
});

describe('an entry of another device', () => {
  it('is found by address and size, as long as it lives', () => {
    const dma = new DmaEntries();
    const entry = add(dma, 0x1000, { device: DISK });
    expect(dma.findOfOtherDevice(NIC, 0x1000, 0x1000)).toBe(entry);
    expect(dma.findOfOtherDevice(DISK, 0x1000, 0x1000)).toBe(0);
    expect(dma.findOfOtherDevice(NIC, 0x1000, 0x800)).toBe(0);
    dma.undo(at(1), entry);
    expect(dma.findOfOtherDevice(NIC, 0x1000, 0x1000)).toBe(0);
  });
});
