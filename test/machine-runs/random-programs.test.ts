import { describe, expect, it } from 'vitest';
import { PAGE_TABLE_FORMATS } from '../../src/machine/page-tables/page-table.ts';
import { randomProgram } from '../../src/machine/random/program.ts';
import { measure } from '../machine/random/measure.ts';

const PROGRAMS = 10_000;

/** Ten thousand programs, a quarter of them right, over all formats. The counts are printed. */
describe('ten thousand random programs', () => {
  it('are judged as the machine knows them to be', () => {
    const totals = {
      right: 0,
      wrong: 0,
      corrupted: 0,
      accesses: 0,
      shown: 0,
      foreignMaps: 0,
      warnings: 0,
      findings: 0,
    };
    const unseen = new Map<string, number>();
    let missed = 0;
    let falseAlarms = 0;
    let wrongCounts = 0;
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const format = PAGE_TABLE_FORMATS[seed % PAGE_TABLE_FORMATS.length] ?? 'vtd';
      const isRight = seed % 4 === 0;
      const program = randomProgram(seed, {
        operations: 20 + (seed % 60),
        cpus: 1 + (seed % 4),
        mistakes: isRight ? 0 : 0.05 * (1 + (seed % 6)),
      });
      const measured = measure(program, format, seed);
      totals[isRight ? 'right' : 'wrong']++;
      if (measured.isCorrupted) totals.corrupted++;
      totals.accesses += measured.accesses;
      totals.shown += measured.shown;
      totals.foreignMaps += measured.foreignMaps;
      totals.warnings += measured.warnings.sanitizer;
      totals.findings += measured.findings.length;
      for (const [kind, count] of measured.unseen) unseen.set(kind, (unseen.get(kind) ?? 0) + count);
      missed += measured.missed.length;
      falseAlarms += measured.falseAlarms.length + (isRight ? measured.findings.length : 0);
      wrongCounts += measured.wrongCounts.length;
      const { sanitizer, iommusan, model } = measured.warnings;
      expect({ seed, sanitizer, iommusan }).toEqual({ seed, sanitizer: model, iommusan: model });
      expect({ seed, ...pick(measured) }).toEqual({ seed, missed: [], falseAlarms: [], wrongCounts: [] });
    }
    process.stdout.write(
      `${JSON.stringify({ ...totals, missed, falseAlarms, wrongCounts, unseen: Object.fromEntries(unseen) }, undefined, 2)}\n`,
    );
    expect({ missed, falseAlarms, wrongCounts }).toEqual({ missed: 0, falseAlarms: 0, wrongCounts: 0 });
    expect(totals.shown).toBeGreaterThan(1000);
  });
});

function pick({ missed, falseAlarms, wrongCounts }: ReturnType<typeof measure>) {
  return { missed, falseAlarms, wrongCounts };
}
