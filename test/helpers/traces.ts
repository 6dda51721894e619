import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Recordings of real kernels that are part of the repository, see test/fixtures/README.md. */
export const FIXTURES = join(import.meta.dirname, '../fixtures/traces');

/** The whole recordings that the fixtures were made of: not part of the repository. */
export const RECORDINGS = join(import.meta.dirname, '../../../shared/traces');

/** Path of a fixture, such as `sanitizer-kernel/uaf.dat`. */
export function fixture(name: string): string {
  return join(FIXTURES, name);
}

/** Every trace.dat one folder below `folder`, as `FOLDER/NAME.dat`; none where the folder is absent. */
export function tracesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.dat'))
    .sort();
}
