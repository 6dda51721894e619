import { type Command, Option } from 'commander';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { ExplainCommandOptions } from './explain.ts';
import type { Io } from './io.ts';
import { parseWholeNumber } from './quantities.ts';
import { collectRules } from './rule-selection.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
FINDING is its number in the report of "iommusan check", its signature, or the
beginning of that. Without one, the findings of the trace are listed.

The trace is read twice: once for the verdict, once to follow the page, the
mapping and the device that it is about.

Exit status:
  0   the finding was explained, or the findings were listed
  2   wrong usage, such as a FINDING that is not there
  3   FILE cannot be read
  70  a fault in iommusan itself, or output that cannot be written

Examples:
  iommusan explain trace.dat                  list the findings
  iommusan explain trace.dat 1                explain the first
  iommusan explain trace.dat 2120             explain the one whose signature
                                              begins so
  iommusan explain --format json trace.dat 1 | jq '.findings[0].life'`;

/** Adds `iommusan explain` to the program. */
export function addExplainCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  program
    .command('explain')
    .summary('show the events a finding rests on, and the life of its page')
    .description(
      'Shows the events that a finding rests on, in order, with what iommusan believed after each and where the trace holds it, and the whole life of the page.',
    )
    .argument('<FILE>', 'a recorded trace; it must be a file, because it is read twice')
    .argument('[FINDING]', 'number or signature of a finding')
    .addOption(
      new Option('--accounting <mode>', 'as for check').choices(['exact', 'kernel']).default('exact'),
    )
    .addOption(
      new Option('--enable <checks>', 'also run these checks, as for check')
        .argParser(collectRules)
        .default([], 'none'),
    )
    .option('--dmesg <file>', 'kernel log of the same boot, as for check')
    .option('--events <number>', 'events to show beside those that the verdict rests on', parseWholeNumber, 8)
    .addOption(
      new Option('--format <format>', 'form of the output; json is a report of this finding')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (file: string, wanted: string | undefined, options: ExplainCommandOptions) => {
      const { explain } = await import('./explain.ts');
      finish(await explain(file, wanted, options, io, loadEngine));
    });
}
