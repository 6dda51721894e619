import { describe, expect, it } from 'vitest';
import { measurePools } from '../machine/random/pool-programs.ts';

const PROGRAMS = 10_000;

/** Ten thousand programs on page_pools, a third of them right, over all designs. The counts are printed. */
describe('ten thousand random programs on page_pools', () => {
  it('are told of as they happened', () => {
    const totals = {
      right: 0,
      wrong: 0,
      happened: 0,
      findings: 0,
      differences: 0,
      falseAlarms: 0,
      withFreedPages: 0,
    };
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const isRight = seed % 3 === 0;
      const measured = measurePools(seed, 20 + (seed % 60), isRight ? 0 : 0.15);
      totals[isRight ? 'right' : 'wrong']++;
      totals.happened += measured.truth;
      totals.findings += measured.findings.length;
      totals.differences += measured.differences.length;
      if (isRight) totals.falseAlarms += measured.findings.length;
      if (measured.freedPages > 0) totals.withFreedPages++;
      expect({ seed, differences: measured.differences }).toEqual({ seed, differences: [] });
    }
    process.stdout.write(`${JSON.stringify(totals, undefined, 2)}\n`);
    expect(totals.falseAlarms).toBe(0);
    expect(totals.happened).toBeGreaterThan(1000);
  });
});
