import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { factsPage } from '../../src/record/facts-page.ts';

const PAGE = fileURLToPath(new URL('../../docs/probes.md', import.meta.url));

it('docs/probes.md is the table that recording uses; UPDATE_GOLDEN=1 writes it anew', () => {
  if (process.env['UPDATE_GOLDEN']) writeFileSync(PAGE, factsPage());
  expect(readFileSync(PAGE, 'utf8')).toBe(factsPage());
});
