import { describe, expect, it } from 'vitest';
import { PGTABLE_FREE_DESIGNS } from '../../src/machine/kernel-tables/freeing-designs.ts';
import { randomKernelTableProgram } from '../../src/machine/random/kernel-table-program.ts';
import { measureKernelTables } from '../machine/kernel-tables/measure.ts';

const PROGRAMS = 10_000;

/** Ten thousand programs of kernel page tables, a quarter for each design. The counts are printed. */
describe('ten thousand random programs of kernel page tables', () => {
  it.each(PGTABLE_FREE_DESIGNS)('%s', design => {
    const totals = { frees: 0, exposed: 0, badAccesses: 0, findings: 0, ofRightPrograms: 0 };
    for (let seed = 1; seed <= PROGRAMS / PGTABLE_FREE_DESIGNS.length; seed++) {
      const isOrdered = seed % 2 === 0;
      const measured = measureKernelTables(randomKernelTableProgram(seed, 150, isOrdered), design, seed);
      const { missed, falseAlarms, unexplained, findings, ...counts } = measured;
      expect({ seed, missed, falseAlarms, unexplained }).toEqual({
        seed,
        missed: [],
        falseAlarms: [],
        unexplained: [],
      });
      const found = [...findings.values()].reduce((sum, count) => sum + count, 0);
      totals.frees += counts.frees;
      totals.exposed += counts.exposed;
      totals.badAccesses += counts.badAccesses;
      totals.findings += found;
      if (design === 'merged' && isOrdered) totals.ofRightPrograms += found + counts.badAccesses;
    }
    process.stdout.write(`${design}: ${JSON.stringify(totals)}\n`);
    expect(totals.ofRightPrograms).toBe(0);
    expect(totals.badAccesses).toBeGreaterThan(100);
  });
});
