import { type Command, Option } from 'commander';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import type { StatsOptions } from './stats.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
Exit status:
  0   the trace was read
  2   wrong usage
  3   FILE cannot be read
  70  a fault in iommusan itself, or output that cannot be written

Examples:
  iommusan stats trace.dat
  iommusan stats --format json trace.dat | jq '.events[0]'`;

/** Adds `iommusan stats` to the program. */
export function addStatsCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  program
    .command('stats')
    .summary('show what a trace holds and which checks can work on it')
    .description(
      'Shows what a trace holds: its kernel, events and losses, which checks can work on it, and what to record for the others.',
    )
    .argument(
      '<FILE>',
      "a trace: trace.dat, perf.data, text or a raw capture, compressed or not; '-' is standard input",
    )
    .addOption(
      new Option('--format <format>', 'form of the output').choices(['text', 'json']).default('text'),
    )
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (file: string, options: StatsOptions) => {
      const { stats } = await import('./stats.ts');
      finish(await stats(file, options, io, loadEngine));
    });
}
