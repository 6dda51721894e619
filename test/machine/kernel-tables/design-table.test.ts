import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { designTable } from '../../../src/machine/scenarios/kernel-tables/design-table.ts';

const DOCS = new URL('../../../docs/kernel-page-tables.md', import.meta.url);

describe('the table of designs', () => {
  it('stands in the documentation as it comes out now (npm run docs:machine)', () => {
    expect(readFileSync(DOCS, 'utf8')).toContain(designTable());
  });
});
