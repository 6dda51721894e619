import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { Shadow } from '../../src/shadow/shadow.ts';
import { Unflushed } from '../../src/shadow/unflushed.ts';

interface Range {
  readonly domain: number;
  readonly iovaPage: number;
  readonly frame: number;
  readonly pages: number;
}

/** A shadow, and the ranges that wait, with the mappings that they came from. */
function newUnflushed(): { unflushed: Unflushed; unmap(range: Range): number } {
  const shadow = new Shadow({
    pageSize: 4096,
    accounting: 'exact',
    changes: {
      mapOver: () => undefined,
      watchedCut: () => undefined,
      mappingCut: () => undefined,
      countFault: () => undefined,
    },
  });
  const unflushed = new Unflushed(shadow);
  return {
    unflushed,
    unmap({ domain, iovaPage, frame, pages }) {
      const id = shadow.mappings.add(newMoment(), domain, iovaPage, frame, pages, -1);
      const record = unflushed.add(newMoment(), id, iovaPage, pages);
      shadow.mappings.release(id);
      return record;
    },
  };
}

const meets = (a: number, pages: number, b: number, others: number): boolean =>
  a < b + others && b < a + pages;

describe('ranges that wait for a flush', () => {
  const range = fc.record({
    domain: fc.integer({ min: 1, max: 3 }),
    iovaPage: fc.nat(2000),
    pages: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(512, 513, 700)),
  });
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ what: fc.constant('unmap' as const), range }) },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constant('flush' as const),
        domain: fc.integer({ min: 0, max: 3 }),
        iovaPage: fc.nat(2000),
        pages: fc.constantFrom(1, 10, 3000, Number.POSITIVE_INFINITY),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constant('look' as const),
        frame: fc.nat(60_000),
        frames: fc.constantFrom(1, 8, 512, 1 << 17),
      }),
    },
  );

  it('are found by their frames and flushed by their IOVAs, as by looking at every one', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const { unflushed, unmap } = newUnflushed();
        const waiting = new Map<number, Range>();
        let frame = 0;
        for (const now of steps) {
          if (now.what === 'unmap') {
            // No two of them lead to the same memory: a page is unmapped once.
            const added = { ...now.range, frame };
            frame += now.range.pages + 1;
            waiting.set(unmap(added), added);
          } else if (now.what === 'flush') {
            const expected = [...waiting].filter(
              ([, r]) =>
                (now.domain === 0 || now.domain === r.domain) &&
                meets(r.iovaPage, r.pages, now.iovaPage, now.pages),
            );
            const flushed: number[] = [];
            unflushed.flush(now.domain, now.iovaPage, now.pages, record => flushed.push(record));
            expect(flushed.sort()).toEqual(expected.map(([record]) => record).sort());
            for (const record of flushed) waiting.delete(record);
          } else {
            const expected = [...waiting].filter(([, r]) => meets(r.frame, r.pages, now.frame, now.frames));
            const found = new Set<number>();
            unflushed.forEachMeeting(now.frame, now.frames, record => found.add(record));
            expect([...found].sort()).toEqual(expected.map(([record]) => record).sort());
          }
          expect(unflushed.size).toBe(waiting.size);
        }
      }),
    );
  });

  it('are forgotten, the oldest first, when there are more than the largest queue holds', () => {
    const { unflushed, unmap } = newUnflushed();
    for (let i = 0; i < (1 << 15) + 100; i++) unmap({ domain: 1, iovaPage: i, frame: i, pages: 1 });
    expect(unflushed.size).toBe(1 << 15);
    const found: number[] = [];
    unflushed.forEachMeeting(0, 200, record => found.push(unflushed.frame[record] as number));
    expect(Math.min(...found)).toBe(100);
  });
});
