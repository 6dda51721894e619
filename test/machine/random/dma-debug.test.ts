import { describe, expect, it } from 'vitest';
import { compareWithDmaDebug } from './compare-dma-debug.ts';

/** A machine that others use as well takes its time. */
const BUSY_MS = 30_000;

const PROGRAMS = 30;

describe('random programs on the DMA API', () => {
  it(
    'give no finding where they are right',
    () => {
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { findings, complaints, differences } = compareWithDmaDebug(seed, {
          operations: 60,
          mistakes: 0,
        });
        expect({ seed, findings: findings.map(({ title }) => title), complaints, differences }).toEqual({
          seed,
          findings: [],
          complaints: 0,
          differences: [],
        });
      }
    },
    BUSY_MS,
  );

  it(
    'are judged by iommusan as by dma-debug where they are wrong',
    () => {
      let complaints = 0;
      let overlaps = 0;
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const compared = compareWithDmaDebug(seed, { operations: 60, mistakes: 0.2 });
        expect({ seed, differences: compared.differences }).toEqual({ seed, differences: [] });
        complaints += compared.complaints;
        overlaps += compared.byClass['overlapping cache lines'] ?? 0;
      }
      expect(complaints).toBeGreaterThan(PROGRAMS);
      expect(overlaps).toBeGreaterThan(0);
    },
    BUSY_MS,
  );
});
