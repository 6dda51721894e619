import { type Command, Option } from 'commander';
import type { DiffOptions } from './diff.ts';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
Two findings are the same bug where their signatures are equal: rule, driver and
functions on top of the stacks. Each of A and B may be a trace, which is checked
first, or a report that "iommusan check --format json" has stored.

Exit status:
  0   B has no finding that A has not (new notes alone do not count)
  1   at least one new finding
  2   wrong usage
  3   A or B cannot be read
  70  a fault in iommusan itself, or output that cannot be written

Examples:
  iommusan diff yesterday.json today.json
  iommusan diff before-patch.dat after-patch.dat
  iommusan diff --format json old.json trace.dat | jq '.new[].title'`;

/** Adds `iommusan diff` to the program. */
export function addDiffCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  program
    .command('diff')
    .summary('compare two verdicts: what is new, gone or changed')
    .description('Compares the findings of two traces or stored reports: what is new, gone or changed.')
    .argument('<A>', 'a trace or a stored report')
    .argument('<B>', 'another')
    .addOption(
      new Option('--format <format>', 'form of the output').choices(['text', 'json']).default('text'),
    )
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (before: string, after: string, options: DiffOptions) => {
      const { diff } = await import('./diff.ts');
      finish(await diff(before, after, options, io, loadEngine));
    });
}
