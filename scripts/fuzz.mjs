// Bundles the fuzzer of test/fuzz, so that all of the code under test is one script whose coverage V8 tells, and runs it.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const outfile = join(root, 'node_modules/.cache/iommusan-fuzz/fuzz.mjs');
mkdirSync(join(outfile, '..'), { recursive: true });
await build({
  entryPoints: ['test/fuzz/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
// Memory that is not needed is given back early, so that what an input really needs shows.
const { status } = spawnSync(
  process.execPath,
  ['--max-old-space-size=256', '--enable-source-maps', outfile, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
