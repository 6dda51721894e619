import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IovaSpace } from '../../src/timeline/iova-space.ts';
import { StepAxis } from '../../src/timeline/step-axis.ts';

const range = fc.record({
  page: fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 2 ** 40 })),
  pages: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2 ** 20 })),
});

describe('a map of IOVA space', () => {
  it('has few rows, in order, that hold what is mapped at the end', () => {
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 60 }), fc.nat({ max: 60 }), (ranges, kept) => {
        const axis = new StepAxis();
        axis.stepOf(0);
        const space = new IovaSpace(axis);
        for (const { page, pages } of ranges) space.change(axis.stepOf(0), page, pages, 1);
        for (const { page, pages } of ranges.slice(kept)) space.change(axis.stepOf(5000), page, pages, -1);
        const steps = axis.stepOf(9000) + 1;
        const rows = space.result(steps);

        expect(rows.length).toBeLessThanOrEqual(64);
        const starts = rows.map(({ iova }) => Number(iova));
        expect(starts).toEqual(starts.toSorted((a, b) => a - b));
        const atEnd = rows.reduce((sum, { mapped }) => sum + (mapped.at(-1)?.[1] ?? 0), 0);
        const expected = ranges.slice(0, kept).reduce((sum, { pages }) => sum + pages * 4096, 0);
        expect(atEnd).toBe(expected);
        for (const { page } of ranges) {
          expect(starts.some(start => start <= page * 4096 && page * 4096 < start + space.rowBytes)).toBe(
            true,
          );
        }
      }),
    );
  });

  it('is exact while it fits', () => {
    const axis = new StepAxis();
    const space = new IovaSpace(axis);
    space.change(axis.stepOf(0), 16, 2, 1);
    space.change(axis.stepOf(3_000), 16, 1, -1);
    expect(space.rowBytes).toBe(4096);
    expect(space.result(axis.stepOf(4_000) + 1)).toEqual([
      {
        iova: '0x10000',
        mapped: [
          [0, 4096],
          [3, 0],
        ],
      },
      { iova: '0x11000', mapped: [[0, 4096]] },
    ]);
  });
});
