import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPlainCheck } from '../cli/plain-check.ts';
import { type CompiledBundle, codeCacheOf, compileBundle } from './code-cache.ts';

// Run by scripts/build.mjs, with the arguments of one or more runs of the command, separated by `--`: keeps the code of
// all functions that these runs have called, bundle by bundle. The command writes as usual; nothing else does.
const compiled = new Map<string, CompiledBundle>();

async function warmUp(): Promise<void> {
  const { exit } = process;
  for (const words of splitAtDashes(process.argv.slice(2))) {
    const path = join(__dirname, isPlainCheck(words, process.env) ? 'check.cjs' : 'command.cjs');
    const bundle = compiled.get(path) ?? compileBundle(path);
    compiled.set(path, bundle);
    process.argv = [process.execPath, path, ...words];
    await new Promise<void>(resolve => {
      // The command ends its process when it is done.
      process.exit = (() => resolve()) as unknown as typeof process.exit;
      bundle.run(require);
    });
  }
  process.exit = exit;
  for (const [path, { script }] of compiled) writeFileSync(codeCacheOf(path), script.createCachedData());
}

function splitAtDashes(words: readonly string[]): string[][] {
  const runs: string[][] = [[]];
  for (const word of words) {
    if (word === '--') runs.push([]);
    else runs.at(-1)?.push(word);
  }
  return runs;
}

void warmUp();
