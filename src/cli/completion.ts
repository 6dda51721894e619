import type { Command } from 'commander';
import { commandModels } from './command-model.ts';
import { bashCompletion } from './completion-bash.ts';
import type { Shell } from './completion-command.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import type { EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `iommusan completion`: the script of one shell, made of the commands' own definitions. */
export async function completion(
  program: Command,
  shell: Shell,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  const { RULES } = await loadEngine();
  const models = commandModels(program);
  const rules = RULES.map(({ id }) => id);
  await write(io.stdout, SCRIPTS[shell](models.program, models.commands, rules));
  return EXIT.clean;
}
