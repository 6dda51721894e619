import { describe, expect, it } from 'vitest';
import { checkGeneric, checkLpae, type Effort, GENERIC_FORMATS, LPAE_FORMATS } from './property.ts';

/** A sample of what the slow suite runs at length. */
const EFFORT: Effort = { programs: 12, stepsPerProgram: 80 };

describe('page tables answer as a model of single pages', () => {
  it.each(GENERIC_FORMATS)('%s', (format, sizes, limit) => {
    expect(checkGeneric(format, sizes, limit, EFFORT)).toBeGreaterThan(100);
  });

  it.each(LPAE_FORMATS)('Arm LPAE, %s', (_name, options, topLevel) => {
    expect(checkLpae(options, topLevel, EFFORT)).toBeGreaterThan(100);
  });
});
