import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandModels } from '../cli/command-model.ts';
import { newProgram } from '../cli/main.ts';
import { manPage, pageName } from '../cli/man-page.ts';

// Run by scripts/build.mjs: writes a man page for the program and one for each command into dist/man.
const folder = join(__dirname, '..', 'man');
const program = newProgram(
  { stdout: process.stdout, stderr: process.stderr, env: {} },
  () => Promise.reject(),
  () => {},
);
const models = commandModels(program);
mkdirSync(folder, { recursive: true });
for (const model of [models.program, ...models.commands]) {
  writeFileSync(join(folder, `${pageName(model)}.1`), manPage(model, models.commands));
}
