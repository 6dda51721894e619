import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOST_STEPS, StepAxis } from '../../src/timeline/step-axis.ts';

/** Changes of a count at times that do not go back. */
const history = fc.array(fc.record({ after: fc.nat({ max: 1e9 }), by: fc.integer({ min: -5, max: 5 }) }), {
  minLength: 1,
  maxLength: 200,
});

describe('a series over time', () => {
  it('has the highest value of each step, whatever the length of the trace', () => {
    fc.assert(
      fc.property(history, fc.nat({ max: 1e10 }), (changes, rest) => {
        const axis = new StepAxis();
        const series = axis.newSeries();
        const moments: { timeNs: number; value: number }[] = [];
        let timeNs = 5_000;
        let value = 0;
        for (const { after, by } of changes) {
          timeNs += after;
          const change = Math.max(by, -value);
          value += change;
          moments.push({ timeNs, value });
          series.change(axis.stepOf(timeNs), change);
        }
        const steps = axis.stepOf(timeNs + rest) + 1;
        const values = series.values(steps);

        expect(steps).toBeLessThanOrEqual(MOST_STEPS);
        expect(values.length).toBeLessThanOrEqual(steps);
        const first = moments[0]?.timeNs ?? 0;
        for (let step = 0; step < steps; step++) {
          const from = first + step * axis.stepNs;
          const before = moments.findLast(moment => moment.timeNs < from)?.value ?? 0;
          const within = moments.filter(
            moment => moment.timeNs >= from && moment.timeNs < from + axis.stepNs,
          );
          const highest = Math.max(before, ...within.map(moment => moment.value));
          expect(values[Math.min(step, values.length - 1)]).toBe(highest);
        }
      }),
    );
  });

  it('uses more than half of the steps once they have become longer', () => {
    const axis = new StepAxis();
    axis.stepOf(0);
    expect(axis.stepOf(1e12)).toBeGreaterThanOrEqual(MOST_STEPS / 2);
  });

  it('takes events of an unsteady clock, which are earlier than the first, for the first', () => {
    const axis = new StepAxis();
    axis.stepOf(1_000_000);
    expect(axis.stepOf(999_000)).toBe(0);
  });
});
