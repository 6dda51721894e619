import { describe, expect, it } from 'vitest';
import { PAGE_TABLE_FORMATS } from '../../../src/machine/page-tables/page-table.ts';
import { randomProgram } from '../../../src/machine/random/program.ts';
import { measure } from './measure.ts';

/** A machine that others use as well takes its time. */
const BUSY_MS = 30_000;

const PROGRAMS = 20;

describe('random programs', () => {
  it.each(PAGE_TABLE_FORMATS)(
    '%s: right programs give no finding',
    format => {
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const program = randomProgram(seed, { operations: 80, cpus: 3, mistakes: 0 });
        const { findings, missed, wrongCounts } = measure(program, format, seed);
        expect({ seed, findings: findings.map(({ title }) => title), missed, wrongCounts }).toEqual({
          seed,
          findings: [],
          missed: [],
          wrongCounts: [],
        });
      }
    },
    BUSY_MS,
  );

  it.each(PAGE_TABLE_FORMATS)(
    '%s: no access is missed and nothing false is said of wrong ones',
    format => {
      let shown = 0;
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const program = randomProgram(seed, { operations: 80, cpus: 3, mistakes: 0.2 });
        const measured = measure(program, format, seed);
        const { missed, falseAlarms, wrongCounts, warnings } = measured;
        expect({ seed, missed, falseAlarms, wrongCounts }).toEqual({
          seed,
          missed: [],
          falseAlarms: [],
          wrongCounts: [],
        });
        expect({ seed, ...warnings }).toEqual({
          seed,
          sanitizer: warnings.model,
          iommusan: warnings.model,
          model: warnings.model,
        });
        shown += measured.shown;
      }
      expect(shown).toBeGreaterThan(0);
    },
    BUSY_MS,
  );
});
