import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeCacheOf, compileCommonJs } from './code-cache.ts';

// Run by scripts/build.mjs, with the arguments of one or more runs of the command, separated by `--`: keeps the code of
// all functions that these runs have called. The command writes as usual; nothing else does.
const path = join(__dirname, 'command.cjs');
const command = compileCommonJs(path);

async function warmUp(): Promise<void> {
  const { exit } = process;
  for (const words of splitAtDashes(process.argv.slice(2))) {
    process.argv = [process.execPath, path, ...words];
    await new Promise<void>(resolve => {
      // The command ends its process when it is done.
      process.exit = (() => resolve()) as unknown as typeof process.exit;
      command.run(require);
    });
  }
  process.exit = exit;
  writeFileSync(codeCacheOf(path), command.script.createCachedData());
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
