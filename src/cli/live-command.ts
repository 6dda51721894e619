import { type Command, InvalidArgumentError, Option } from 'commander';
import { PRESETS } from '../record/facts.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import type { LiveOptions } from './live.ts';
import { parseDurationMs, parseSizeKib } from './quantities.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
Findings are printed when they happen. On a terminal the state of each device is shown below them; elsewhere a line
tells of it every --interval. Ctrl-C ends it, and tracefs is then as it was before.

Exit status:
  0   nothing found
  1   at least one finding
  2   wrong usage
  3   this machine cannot be watched
  70  a fault in iommusan itself

Examples:
  iommusan live
  iommusan live --metrics 9177                http://127.0.0.1:9177/metrics for Prometheus
  iommusan live --preset minimal --duration 1h > findings.txt`;

/** Adds `iommusan live` to the program. */
export function addLiveCommand(program: Command, io: Io, finish: (exitCode: ExitCode) => void): void {
  program
    .command('live')
    .summary('watch this machine')
    .description('Checks what this kernel does with IOMMU mappings and pages while it happens, as root.')
    .option('--duration <time>', 'end after this time, such as 30s, 5m or 2h', parseDurationMs)
    .option('--interval <time>', 'how often a line tells of the state', parseDurationMs, 10_000)
    .option(
      '--device <BDF...>',
      'of events that name a device judge only those of these, such as 0000:00:04.0',
    )
    .addOption(new Option('--preset <preset>', 'how much to record').choices(PRESETS).default('default'))
    .option('--initial-state', 'also read what is mapped already, where the kernel shows it')
    .option('--stacks', 'record kernel stacks whatever the preset says')
    .option('--no-stacks', 'record no kernel stacks')
    .option(
      '--buffer <size>',
      'buffer of each CPU, such as 512K or 8M (default: 8M, less on small machines)',
      parseSizeKib,
    )
    .option(
      '--metrics <[HOST:]PORT>',
      'serve metrics in the text format of Prometheus; on 127.0.0.1 where no HOST is given',
      parseEndpoint,
    )
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (options: LiveOptions) => {
      const { live } = await import('./live.ts');
      finish(await live(options, io));
    });
}

/** Where metrics are served. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `9177`, `0.0.0.0:9177`, `[::1]:9177` */
export function parseEndpoint(text: string): Endpoint {
  const [, bracketed, plain, port] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError('It must be a port, or a host and a port, such as 9177 or 0.0.0.0:9177.');
  }
  return { host: bracketed ?? plain ?? '127.0.0.1', port: Number(port) };
}
