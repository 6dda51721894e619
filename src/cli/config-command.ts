import type { Command } from 'commander';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';

const HELP = `
A value is taken from the first of these that has it:
  1. the command line           --max-lost 0
  2. the environment            IOMMUSAN_CHECK_MAX_LOST=0
  3. the configuration file     iommusan.yaml in the current directory, or the
                                one that --config or IOMMUSAN_CONFIG names
  4. the default

Example of a configuration file:
  check:
    skip: [dma-overlap, multiple-map]
    max-lost: 0
    baseline: ci/baseline.json

Examples:
  iommusan config
  iommusan config -- check --max-lost 0       with these arguments`;

/** Adds `iommusan config` to the program. */
export function addConfigCommand(program: Command, io: Io, finish: (exitCode: ExitCode) => void): void {
  program
    .command('config')
    .summary('show each setting, its value and where that comes from')
    .description('Shows the options of each command, their values and where each value comes from.')
    .argument('[COMMAND...]', "one command, and after '--' also its arguments")
    .addHelpText('after', HELP)
    .action(async (args: string[]) => {
      const { showConfig } = await import('./config.ts');
      finish(await showConfig(program, args, io));
    });
}
