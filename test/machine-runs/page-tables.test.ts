import { describe, expect, it } from 'vitest';
import { checkGeneric, checkLpae, GENERIC_FORMATS, LPAE_FORMATS } from '../machine/page-tables/property.ts';

const OPERATIONS = 100_000;
const PROGRAMS = 650;

/** Some 210 operations per program on average, with the looks that each of them is followed by. */
const EFFORT = { programs: PROGRAMS, stepsPerProgram: 450 };

/** Each format against its model of single pages: map, unmap and iova_to_phys. */
describe('page tables answer as a model of single pages, 100,000 times', () => {
  it.each(GENERIC_FORMATS)('%s', (format, sizes, limit) => {
    const operations = checkGeneric(format, sizes, limit, EFFORT);
    process.stdout.write(`${format}: ${operations} operations\n`);
    expect(operations).toBeGreaterThan(OPERATIONS);
  });

  it.each(LPAE_FORMATS)('Arm LPAE, %s', (name, options, topLevel) => {
    const operations = checkLpae(options, topLevel, EFFORT);
    process.stdout.write(`Arm LPAE, ${name}: ${operations} operations\n`);
    expect(operations).toBeGreaterThan(OPERATIONS);
  });
});
