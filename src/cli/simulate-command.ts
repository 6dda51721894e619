import { type Command, Option } from 'commander';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { parseWholeNumber } from './quantities.ts';
import type { SimulateOptions } from './simulate.ts';
import { COLOR_MODES } from './terminal.ts';

const HELP = `
Exit status:
  0   the scenario came out as it says
  1   it did not; said only where the sanitizer is 'merged' and the mode strict
  2   wrong usage
  3   a scenario of your own cannot be read
  70  a fault in iommusan itself, or output that cannot be written

Examples:
  iommusan simulate --list
  iommusan simulate S12                       a 4 KiB unmap takes 2 MiB with it
  iommusan simulate S12 --sanitizer v5        as the sanitizer was before the merge
  iommusan simulate S11 --iommu arm-lpae
  iommusan simulate K3 --pgtable-free inline  a patch that defers and does not invalidate
  iommusan simulate S2 -o run.dat && iommusan check run.dat
  iommusan simulate ./my-scenario.ts`;

/** Adds `iommusan simulate` to the program. */
export function addSimulateCommand(program: Command, io: Io, finish: (exitCode: ExitCode) => void): void {
  program
    .command('simulate')
    .summary('run a scenario on a simulated machine that knows the truth')
    .description(
      'Runs a scenario on a simulated machine: page allocator, IOMMU page tables in their real bits, caches, and the in-kernel sanitizer. Tells step by step what returned, what was counted, what the kernel would print and what a device could reach; then what really happened, and what iommusan finds.',
    )
    .argument('[SCENARIO]', "id of a scenario ('--list' shows them), or a file that exports one by default")
    .option('--list', 'list the scenarios')
    .addOption(
      new Option(
        '--iommu <format>',
        'page tables of the IOMMU (default: the first in which it happens)',
      ).choices(['arm-lpae', 'vtd', 'amdv1', 'x86']),
    )
    .addOption(
      new Option(
        '--sanitizer <design>',
        'IOMMU_DEBUG_PAGEALLOC as merged in Linux 7.2, as in an earlier mail, or off',
      )
        .choices(['merged', 'v5', 'v2', 'off'])
        .default('merged'),
    )
    .addOption(
      new Option(
        '--pgtable-free <design>',
        'how kernel page-table pages are freed under SVA (K1 to K14; default: as the scenario says)',
      ).choices(['immediate', 'v3', 'inline', 'merged']),
    )
    .addOption(
      new Option(
        '--page-pool <design>',
        'what a page_pool does with pages in flight (P1 to P16; default: as the scenario says)',
      ).choices(['before', 'keep-device', 'skip-unmap', 'merged']),
    )
    .option('--lazy', 'flush the IOTLB later, by the flush queue')
    .option('--seed <number>', 'decides the order of threads', parseWholeNumber, 1)
    .option('-o, --output <file>', 'write the run as a trace.dat')
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'))
    .addHelpText('after', HELP)
    .action(async (scenario: string | undefined, options: SimulateOptions) => {
      const { simulateCommand } = await import('./simulate.ts');
      finish(await simulateCommand(scenario, options, io));
    });
}
