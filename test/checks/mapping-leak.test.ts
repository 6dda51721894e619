import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grows } from '../../src/checks/mapping-leak.ts';
import { KernelScript } from '../helpers/kernel-script.ts';

const NIC = '0000:00:02.0';
const DOMAIN = `domain of ${NIC}`;
const SECOND = 1e9;
/** `IOMMU_READ`, `IOMMU_WRITE`. */
const READ = 1;
const WRITE = 2;

function driver(): KernelScript {
  return new KernelScript().probe(NIC, 'e1000e').domainAttach(DOMAIN, NIC);
}

/** Makes the mapping of number `n` from the function `caller`. */
function map(k: KernelScript, n: number, caller: string, prot = READ): KernelScript {
  return k
    .withStack(['dma_map_page_attrs', `${caller}[e1000e]`])
    .map(DOMAIN, n * 4096, (0x1000 + n) * 4096, 4096, prot);
}

const unmap = (k: KernelScript, n: number): KernelScript => k.unmap(DOMAIN, n * 4096, 4096);

describe('mappings that pile up', () => {
  /** Sends 400 packets, and forgets to unmap each of which the number is a multiple of `every`. */
  function sending(every: number): KernelScript {
    const k = driver();
    for (let n = 1; n <= 400; n++) {
      map(k, n, 'xmit');
      if (n % every !== 0) unmap(k, n);
    }
    return k;
  }

  it('are a leak, all but the last, which may be on its way', () => {
    const finding = sending(10).sole('mapping-leak');
    expect(finding).toMatchObject({
      severity: 'warning',
      certainty: 'certain',
      title: `39 mappings of ${NIC} (e1000e) were never unmapped, and their number only grew`,
      pages: 39,
      mapping: { iova: '0xa000' },
    });
    expect(finding.otherMappings).toHaveLength(8);
    expect(finding.facts.map(({ name }) => name)).toEqual(['Made here', 'Longest lived', 'Live over time']);
  });

  it('are possible where none was ever unmapped: they may be meant to stay', () => {
    const k = driver();
    for (let n = 1; n <= 300; n++) map(k.wait(SECOND), n, 'register');
    expect(k.sole('mapping-leak').certainty).toBe('possible');
  });

  it('are none where all is unmapped, or a few are on their way', () => {
    expect(sending(1000).rules()).toEqual([]);
    expect(sending(30).rules()).toEqual([]);
  });

  it('are told by the unbind of the driver where it comes to that', () => {
    expect(sending(10).unbind(NIC).rules()).toEqual(['unbind-leak']);
  });

  it('are not looked for in a domain of a driver itself, as that of a guest', () => {
    const k = new KernelScript().domainAlloc('guest', NIC);
    for (let n = 1; n <= 400; n++) k.withStack(['vfio_map']).map('guest', n * 4096, n * 8192, 4096, READ);
    expect(k.rules()).toEqual([]);
  });

  it('are not looked for in a page_pool', () => {
    const k = driver().withStack(['page_pool_dma_map']);
    for (let n = 1; n <= 400; n++) k.map(DOMAIN, n * 4096, (n + 9) * 4096, 4096).poolHold('pool', n + 9, n);
    expect(k.rules()).toEqual([]);
  });
});

describe('a steady pool', () => {
  it('that is filled in one go is none, also where the trace ends right then', () => {
    const k = driver();
    for (let n = 1; n <= 300; n++) map(k, n, 'alloc_rx', WRITE);
    expect(k.rules()).toEqual([]);
  });

  it('such as a queue that fills up, because it is emptied more slowly, is none', () => {
    const k = driver();
    for (let n = 1; n <= 400; n++) {
      map(k, n, 'xmit');
      if (n % 10 !== 0) unmap(k, n - Math.floor(n / 10));
    }
    expect(k.rules()).toEqual([]);
  });

  it('such as a receive ring is none, however long its buffers wait', () => {
    const k = driver();
    for (let n = 1; n <= 256; n++) map(k, n, 'alloc_rx', WRITE);
    for (let n = 257; n <= 2000; n++) {
      unmap(k, n - 256);
      map(k, n, 'alloc_rx', WRITE);
    }
    expect(
      k
        .wait(3600 * SECOND)
        .alloc(1)
        .rules(),
    ).toEqual([]);
  });

  it('that fills slowly and then stays is none', () => {
    const k = driver();
    for (let n = 1; n <= 2000; n++) {
      map(k, n, 'cache');
      if (n > 300) unmap(k, n - 300);
    }
    expect(k.rules()).toEqual([]);
  });

  it('that breathes is none', () => {
    const k = driver();
    for (let round = 0; round < 20; round++) {
      for (let n = 1; n <= 100; n++) map(k, round * 100 + n, 'burst');
      for (let n = 1; n <= 100; n++) unmap(k, round * 100 + n);
    }
    for (let n = 1; n <= 100; n++) map(k, 9000 + n, 'burst');
    expect(k.rules()).toEqual([]);
  });
});

describe('a mapping that outlives its kind', () => {
  function oneForgotten(prot: number, ageNs: number): KernelScript {
    const k = map(driver(), 1, 'xmit', prot);
    for (let round = 0; round < 100; round++) unmap(map(k.wait(ageNs / 100), 2, 'xmit', prot).wait(1e6), 2);
    return k;
  }

  it('by far, and is overtaken all the time, is possible', () => {
    expect(oneForgotten(READ, 30 * SECOND).sole('mapping-leak')).toMatchObject({
      certainty: 'possible',
      title: `1 mapping of ${NIC} (e1000e) still live after 30.1 s, where others live 1.0 ms at most`,
      count: 1,
      mapping: { iova: '0x1000' },
    });
  });

  it('is none where the device alone decides how long it waits', () => {
    expect(oneForgotten(WRITE, 30 * SECOND).rules()).toEqual([]);
  });

  it('is none while it is young, or nothing was made since', () => {
    expect(oneForgotten(READ, 3 * SECOND).rules()).toEqual([]);
    const k = driver();
    for (let n = 0; n < 100; n++) unmap(map(k, 2, 'xmit').wait(1e6), 2);
    expect(
      map(k, 1, 'xmit')
        .wait(60 * SECOND)
        .alloc(1)
        .rules(),
    ).toEqual([]);
  });

  it('is none where nothing of the kind is known', () => {
    const k = driver()
      .withStack([])
      .map(DOMAIN, 4096, 0x5000, 4096, READ)
      .wait(3600 * SECOND)
      .alloc(1);
    expect(k.rules()).toEqual([]);
    expect(
      map(driver(), 1, 'open')
        .wait(3600 * SECOND)
        .alloc(1)
        .rules(),
    ).toEqual([]);
  });
});

describe('growth', () => {
  it.each<[boolean, number[]]>([
    [true, [1, 2, 3, 4, 5, 6, 7, 8]],
    [true, [9, 9, 1, 2, 3, 4, 4, 6, 7, 8]],
    [false, [1, 2, 3, 4, 5, 6, 7]],
    [false, [1, 2, 3, 4, 5, 6, 7, 7]],
    [false, [1, 2, 3, 4, 3, 6, 7, 8]],
    [false, [1, 1, 3, 3, 5, 6, 7, 8]],
    [false, [100, 101, 102, 103, 104, 105, 106, 107]],
    [false, [0, 0, 0, 0, 0, 0, 0, 0]],
  ])('is %s: %j', (expected, history) => {
    expect(grows(history)).toBe(expected);
  });

  it('is never seen in what comes back to where it was', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 7, maxLength: 15 }), values => {
        expect(grows([...values, Math.min(...values)])).toBe(false);
      }),
    );
  });
});
