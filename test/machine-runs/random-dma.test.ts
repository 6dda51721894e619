import { describe, expect, it } from 'vitest';
import { compareWithDmaDebug } from '../machine/random/compare-dma-debug.ts';

const PROGRAMS = 10_000;

/** Ten thousand programs on the DMA API, a quarter of them right. The counts are printed. */
describe('ten thousand random programs on the DMA API', () => {
  it('are judged as by dma-debug, and as the truth has it', () => {
    const totals = {
      right: 0,
      wrong: 0,
      complaints: 0,
      deadUnmaps: 0,
      findings: 0,
      differences: 0,
      falseAlarms: 0,
    };
    const byClass: Record<string, number> = {};
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const isRight = seed % 4 === 0;
      const mistakes = isRight ? 0 : 0.05 * (1 + (seed % 6));
      const compared = compareWithDmaDebug(seed, { operations: 20 + (seed % 60), mistakes });
      totals[isRight ? 'right' : 'wrong']++;
      totals.complaints += compared.complaints;
      for (const [kind, count] of Object.entries(compared.byClass))
        byClass[kind] = (byClass[kind] ?? 0) + count;
      totals.deadUnmaps += compared.deadUnmaps;
      totals.findings += compared.findings.length;
      totals.differences += compared.differences.length;
      if (isRight) totals.falseAlarms += compared.findings.length;
      expect({ seed, differences: compared.differences }).toEqual({ seed, differences: [] });
    }
    process.stdout.write(`${JSON.stringify({ ...totals, byClass }, undefined, 2)}\n`);
    expect(totals.falseAlarms).toBe(0);
    expect(totals.deadUnmaps).toBeGreaterThan(1000);
  });
});
