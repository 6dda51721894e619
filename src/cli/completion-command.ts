import { Argument, type Command } from 'commander';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

const HELP = `
Put the script where your shell looks for it:
  iommusan completion bash > ~/.local/share/bash-completion/completions/iommusan
  iommusan completion zsh > ~/.zfunc/_iommusan     # with ~/.zfunc in fpath
  iommusan completion fish > ~/.config/fish/completions/iommusan.fish

Examples:
  source <(iommusan completion bash)               # for this shell only`;

/** Adds `iommusan completion` to the program. */
export function addCompletionCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  program
    .command('completion')
    .summary('write the completion of commands, options and rules for a shell')
    .description('Writes a script that lets a shell complete commands, options, their values and rules.')
    .addArgument(new Argument('<SHELL>', 'the shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action(async (shell: Shell) => {
      const { completion } = await import('./completion.ts');
      finish(await completion(program, shell, io, loadEngine));
    });
}
