import { type Command, Option } from 'commander';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import type { RulesOptions } from './rules.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
Exit status:
  0   the rules, or the page of one, are shown
  2   wrong usage, such as a rule that does not exist
  70  a fault in iommusan itself, or output that cannot be written

Examples:
  iommusan rules
  iommusan rules free-while-mapped | less
  iommusan rules --format json | jq -r '.[] | select(.default == "off") | .id'`;

/** Adds `iommusan rules` to the program. */
export function addRulesCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  program
    .command('rules')
    .summary('list the rules, or explain one')
    .description(
      'Lists the rules with their severity, what a trace must show for them, and whether they are on by default; with RULE, prints its page: meaning, cause, when it is harmless, how to fix it, an example.',
    )
    .argument('[RULE]', 'id of the rule to explain')
    .addOption(
      new Option('--format <format>', 'form of the output').choices(['text', 'json']).default('text'),
    )
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (id: string | undefined, options: RulesOptions) => {
      const { rules } = await import('./rules.ts');
      finish(await rules(id, options, io, loadEngine));
    });
}
