import { describe, expect, it } from 'vitest';
import { measurePools } from './pool-programs.ts';

/** A machine that others use as well takes its time. */
const BUSY_MS = 30_000;

const PROGRAMS = 30;

describe('random programs on page_pools, in each design', () => {
  it(
    'give no finding where they are right',
    () => {
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { findings, truth } = measurePools(seed, 60, 0);
        expect({ seed, findings: findings.map(({ title }) => title), truth }).toEqual({
          seed,
          findings: [],
          truth: 0,
        });
      }
    },
    BUSY_MS,
  );

  it(
    'are told of as they happened where they are wrong',
    () => {
      let truth = 0;
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const measured = measurePools(seed, 60, 0.15);
        expect({ seed, differences: measured.differences }).toEqual({ seed, differences: [] });
        truth += measured.truth;
      }
      expect(truth).toBeGreaterThan(PROGRAMS / 2);
    },
    BUSY_MS,
  );
});
