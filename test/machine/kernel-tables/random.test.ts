import { describe, expect, it } from 'vitest';
import { PGTABLE_FREE_DESIGNS } from '../../../src/machine/kernel-tables/freeing-designs.ts';
import { randomKernelTableProgram } from '../../../src/machine/random/kernel-table-program.ts';
import { measureKernelTables } from './measure.ts';

/** A sample of what the machine suite runs at length. */
describe.each(PGTABLE_FREE_DESIGNS)('random programs of kernel page tables, %s', design => {
  it.each([true, false])('are judged as the machine knows them to be (ordered: %s)', isOrdered => {
    let bad = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const program = randomKernelTableProgram(seed, 150, isOrdered);
      const { missed, falseAlarms, unexplained, badAccesses, findings } = measureKernelTables(
        program,
        design,
        seed,
      );
      expect({ seed, missed, falseAlarms, unexplained }).toEqual({
        seed,
        missed: [],
        falseAlarms: [],
        unexplained: [],
      });
      if (design === 'merged' && isOrdered)
        expect({ seed, badAccesses, findings: [...findings] }).toEqual({
          seed,
          badAccesses: 0,
          findings: [],
        });
      bad += badAccesses;
    }
    if (design !== 'merged' || !isOrdered) expect(bad).toBeGreaterThan(0);
  });
});
