import { type Command, Option } from 'commander';
import type { ConvertCommandOptions } from './convert.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';

const EXIT_STATUS = `
Exit status:
  0   OUT was written
  2   wrong usage
  3   IN cannot be read, or OUT cannot be made
  70  a fault in iommusan itself, or output that cannot be written`;

const CONVERT_HELP = `${EXIT_STATUS}

Examples:
  iommusan convert trace.txt trace.dat          for trace-cmd and KernelShark
  iommusan convert trace.dat events.jsonl       one event a line
  iommusan convert --to jsonl trace.dat - | jq 'select(.event == "iommuMap")'
  iommusan convert trace.dat trace.pftrace      open it in ui.perfetto.dev`;

const ANONYMIZE_HELP = `${EXIT_STATUS}

What is replaced, always by the same: names of commands, drivers, modules, of
devices off the PCI bus and of the host; functions outside of the kernel's DMA,
IOMMU and memory code; kernel pointers, IOVAs and physical addresses. What
stays: times, CPUs, process ids, sizes, PCI addresses. Events that say nothing
of mappings and pages are left out.

Examples:
  iommusan anonymize trace.dat for-the-list.dat`;

/** Adds `iommusan convert` and `iommusan anonymize` to the program. */
export function addConvertCommands(program: Command, io: Io, finish: (exitCode: ExitCode) => void): void {
  const compression = (): Option =>
    new Option(
      '--compression <method>',
      'of a trace.dat (default: zstd where Node has it, else none)',
    ).choices(['zstd', 'zlib', 'none']);
  program
    .command('convert')
    .summary('write a trace in another form: trace.dat, JSON lines or Perfetto')
    .description(
      'Writes a recorded trace in another form: as trace.dat, as lines of JSON, or for the Perfetto user interface.',
    )
    .argument('<IN>', "a trace of any form; '-' is standard input")
    .argument('<OUT>', "the file to write; '-' is standard output")
    .addOption(
      new Option(
        '--to <form>',
        'form of OUT (default: what its name ends with, .dat, .jsonl or .pftrace)',
      ).choices(['trace.dat', 'jsonl', 'perfetto']),
    )
    .addOption(compression())
    .addHelpText('after', CONVERT_HELP)
    .action(async (input: string, output: string, options: ConvertCommandOptions) => {
      const { convert } = await import('./convert.ts');
      finish(await convert(input, output, options, io));
    });
  program
    .command('anonymize')
    .summary('replace the names and addresses of a trace, so that it can be shown to others')
    .description(
      'Writes a trace.dat that gives the same findings as IN, without the names and addresses that tell whose it is.',
    )
    .argument('<IN>', 'a trace of any form, which is read twice')
    .argument('<OUT>', 'the trace.dat to write')
    .addOption(compression())
    .addHelpText('after', ANONYMIZE_HELP)
    .action(async (input: string, output: string, options: ConvertCommandOptions) => {
      const { anonymize } = await import('./convert.ts');
      finish(await anonymize(input, output, options, io));
    });
}
