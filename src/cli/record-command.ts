import { type Command, Option } from 'commander';
import { PRESETS } from '../record/facts.ts';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { parseDurationMs, parseSizeKib } from './quantities.ts';
import type { RecordCommandOptions } from './record.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
Recording ends when COMMAND ends, after --duration, or with Ctrl-C. tracefs is then as it was before.

Presets:
  minimal   mappings, their domains and devices, pages, drivers; no stacks
  default   and the DMA API, page_pools, faults; stacks of maps, unmaps and frees
  full      and IOTLB flushes, slab objects, contiguous memory; all stacks

Exit status:
  0   nothing found (or --no-check)
  1   at least one finding
  2   wrong usage
  3   this machine cannot be recorded, or the file cannot be written
  70  a fault in iommusan itself

Examples:
  iommusan record -- modprobe mydriver
  iommusan record -o nvme.dat --duration 30s
  iommusan record --dry-run                   what would be written to tracefs
  iommusan record --clean                     remove what a killed recording has left`;

/** Adds `iommusan record` to the program. */
export function addRecordCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  program
    .command('record')
    .summary('record on this machine, then check')
    .description(
      'Records what this kernel does with IOMMU mappings and pages, as root and without a rebuild or reboot, and checks it.',
    )
    .argument('[COMMAND...]', 'command to record, after --; without one until Ctrl-C')
    .option('-o, --output <FILE>', 'the trace', 'trace.dat')
    .option('--duration <time>', 'end after this time, such as 30s, 5m or 2h', parseDurationMs)
    .option(
      '--device <BDF...>',
      'of events that name a device record only those of these, such as 0000:00:04.0',
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
    .option('--no-check', 'do not check the trace afterwards')
    .option('--dry-run', 'print what would be written to tracefs, and end')
    .option('--clean', 'remove what a killed recording has left in tracefs, and end')
    .option('--script', 'print a shell script that records without Node.js, and end')
    .option('--from-boot', 'print the kernel command line that records from boot on, and end')
    .option('--collect', 'take what --from-boot has recorded, and end')
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (command: string[], options: RecordCommandOptions) => {
      const { recordCommand } = await import('./record.ts');
      finish(await recordCommand(command, options, io, loadEngine));
    });
}
