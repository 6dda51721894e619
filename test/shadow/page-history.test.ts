import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { PageHistory, type PageState } from '../../src/shadow/page-history.ts';

function at(timeNs: number) {
  return { ...newMoment(), timeNs };
}

describe('the history of a page', () => {
  it('is its last allocation, its last free, and which of them came last', () => {
    const history = new PageHistory();
    expect([history.state(5), history.lastAlloc(5), history.lastFree(5)]).toEqual([
      'unknown',
      undefined,
      undefined,
    ]);
    history.pageAlloc(at(1), 5, 0);
    history.pageFree(at(2), 5, 0);
    expect(history.state(5)).toBe('free');
    history.pageAlloc(at(3), 5, 0);
    expect(history.state(5)).toBe('allocated');
    expect([history.lastAlloc(5)?.timeNs, history.lastFree(5)?.timeNs]).toEqual([3, 2]);
  });

  it('is shared by the pages of a block, which may be freed in other blocks than they were allocated in', () => {
    const history = new PageHistory();
    history.pageAlloc(at(1), 0x1fe, 2);
    history.pageFree(at(2), 0x1ff, 0);
    history.pageFree(at(3), 0x200, 1);
    const pages = [0x1fd, 0x1fe, 0x1ff, 0x200, 0x201, 0x202];
    expect(pages.map(pfn => history.state(pfn))).toEqual([
      'unknown',
      'allocated',
      'free',
      'free',
      'free',
      'unknown',
    ]);
    expect(pages.map(pfn => history.lastAlloc(pfn)?.timeNs)).toEqual([undefined, 1, 1, 1, 1, undefined]);
    expect(pages.map(pfn => history.lastFree(pfn)?.timeNs)).toEqual([
      undefined,
      undefined,
      2,
      3,
      3,
      undefined,
    ]);
  });

  it('has room for the order of a gigantic page, and passes over orders that cannot be', () => {
    const history = new PageHistory();
    history.pageFree(at(1), 0x40000, 18);
    expect(history.lastFree(0x40000 + 2 ** 18 - 1)?.timeNs).toBe(1);
    expect(history.state(0x40000 + 2 ** 18)).toBe('unknown');
    history.pageFree(at(2), 0, 21);
    history.pageFree(at(3), 0, 4_000_000_000);
    expect(history.state(0)).toBe('unknown');
  });

  it('keeps one moment for each event that a page still remembers, through millions of them', () => {
    const history = new PageHistory();
    history.pageAlloc(at(1), 0, 3);
    for (let i = 0; i < 100_000; i++) {
      history.pageAlloc(at(2 + i), 8 + (i % 8), 0);
      history.pageFree(at(2 + i), 8 + (i % 8), 0);
    }
    for (let pfn = 0; pfn < 8; pfn++) expect(history.lastAlloc(pfn)?.timeNs).toBe(1);
    expect(history.lastFree(8 + 7)?.timeNs).toBe(100_001);
  });

  it('does not take a block for another that has as many pages and the same ends', () => {
    const history = new PageHistory();
    history.pageAlloc(at(1), 0, 3);
    for (const pfn of [1, 2, 5, 6]) history.pageAlloc(at(2), pfn, 0);
    history.pageAlloc(at(3), 0, 2);
    const times = Array.from({ length: 8 }, (_, pfn) => history.lastAlloc(pfn)?.timeNs);
    expect(times).toEqual([3, 3, 3, 3, 1, 2, 2, 1]);
  });

  it('never mixes up the records that it uses again', () => {
    const small = fc.record({ pfn: fc.nat(40), order: fc.nat(4), free: fc.boolean() });
    // Around two blocks of 2 MiB, also such that are not aligned, as no kernel has them.
    const large = fc.record({
      pfn: fc.constantFrom(0, 512, 1024, 5, 500, 1020),
      order: fc.constantFrom(0, 1, 3, 5, 9, 10),
      free: fc.boolean(),
    });
    const event = fc.oneof({ weight: 3, arbitrary: small }, { weight: 1, arbitrary: large });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), events => {
        const history = new PageHistory();
        const allocated = new Map<number, number>();
        const freed = new Map<number, number>();
        const state = new Map<number, PageState>();
        events.forEach(({ pfn, order, free }, time) => {
          if (free) history.pageFree(at(time), pfn, order);
          else history.pageAlloc(at(time), pfn, order);
          for (let page = pfn; page < pfn + 2 ** order; page++) {
            (free ? freed : allocated).set(page, time);
            state.set(page, free ? 'free' : 'allocated');
          }
        });
        const pages = Array.from({ length: 2100 }, (_, i) => i).filter(
          i => i < 60 || i % 64 < 2 || i % 512 > 500,
        );
        expect(pages.map(pfn => history.lastAlloc(pfn)?.timeNs)).toEqual(
          pages.map(pfn => allocated.get(pfn)),
        );
        expect(pages.map(pfn => history.lastFree(pfn)?.timeNs)).toEqual(pages.map(pfn => freed.get(pfn)));
        expect(pages.map(pfn => history.state(pfn))).toEqual(pages.map(pfn => state.get(pfn) ?? 'unknown'));
      }),
    );
  }, 30_000);
});
