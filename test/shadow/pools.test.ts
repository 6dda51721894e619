import { describe, expect, it } from 'vitest';
import { UNKNOWN } from '../../src/kernel/events.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import { Pools } from '../../src/shadow/pools.ts';

const at = (timeNs: number) => ({ ...newMoment(), timeNs });

describe('page_pools', () => {
  it('hold pages from when they enter until they leave', () => {
    const pools = new Pools();
    pools.create(1, 7);
    pools.hold(at(10), 1, 0x100, 1, UNKNOWN);
    pools.hold(at(20), 1, 0x101, 2, UNKNOWN);
    pools.hold(at(30), 2, 0x200, 1, 9);
    expect([pools.holderOf(0x100), pools.holderOf(0x200), pools.holderOf(0x300)]).toEqual([1, 2, UNKNOWN]);
    expect(pools.heldSince(0x101)?.timeNs).toBe(20);
    expect(pools.pagesOf(1)).toEqual([0x100, 0x101]);
    expect([pools.get(1)?.device, pools.get(2)?.device]).toEqual([7, 9]);
    pools.release(1, 0x100, 1);
    expect([pools.holderOf(0x100), pools.pagesHeld]).toEqual([UNKNOWN, 2]);
  });

  it('give up no page of another pool, and hold no memory that is no page', () => {
    const pools = new Pools();
    pools.hold(at(1), 1, 0x100, 1, UNKNOWN);
    pools.release(2, 0x100, 1);
    pools.hold(at(2), 2, 0, 1, UNKNOWN);
    expect([pools.holderOf(0x100), pools.pagesHeld]).toEqual([1, 1]);
  });

  it('keep the mapping of a page that was freed behind them and is another pool’s by now', () => {
    const pools = new Pools();
    pools.hold(at(10), 1, 0x100, 1, UNKNOWN);
    pools.hold(at(20), 1, 0x100, 2, UNKNOWN);
    pools.hold(at(30), 2, 0x100, 1, UNKNOWN);
    const ofMappings = () => [9, 19, 29, 39].map(madeNs => pools.holderOfMapping(0x100, madeNs));
    expect(ofMappings()).toEqual([1, 1, 2, 2]);
    expect(pools.holderOf(0x100)).toBe(2);
    pools.release(2, 0x100, 1);
    expect(ofMappings()).toEqual([1, 1, UNKNOWN, UNKNOWN]);
    expect([pools.pagesHeld, pools.isEmpty]).toEqual([0, false]);
    pools.create(1, 7);
    expect([ofMappings().every(pool => pool === UNKNOWN), pools.isEmpty]).toEqual([true, true]);
  });

  it('are gone with the last page, and forgotten when another has their address', () => {
    const pools = new Pools();
    pools.hold(at(1), 1, 0x100, 1, 7);
    pools.destroy(at(5), 1);
    pools.shutdown(at(6), 1, 1);
    expect(pools.get(1)?.destroyed?.timeNs).toBe(5);
    pools.create(1, 8);
    expect([pools.get(1)?.destroyed, pools.get(1)?.device, pools.pagesHeld]).toEqual([undefined, 8, 0]);
    pools.shutdown(at(7), 1, 0);
    expect(pools.get(1)).toBeUndefined();
  });

  it('may be of any number of pages', () => {
    const pools = new Pools();
    for (let pfn = 1; pfn <= 5000; pfn++) pools.hold(at(pfn), 1, pfn, pfn, UNKNOWN);
    expect(pools.heldSince(4321)?.timeNs).toBe(4321);
    expect(pools.pagesHeld).toBe(5000);
  });
});
