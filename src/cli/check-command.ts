import { type Command, Option } from 'commander';
import type { CheckOptions } from './check.ts';

import type { EngineLoader } from './engine.ts';
import { type ExitCode, FAIL_ON } from './exit-code.ts';
import type { Io } from './io.ts';
import { parseDurationNs, parseWholeNumber } from './quantities.ts';
import { addReportOptions } from './report-options.ts';
import { collectRules } from './rule-selection.ts';

const HELP = `
Exit status:
  0   nothing found (notes alone are no findings)
  1   at least one finding
  2   wrong usage
  3   a FILE cannot be read; the others are checked all the same
  4   more events lost than --max-lost allows; findings are still reported
  70  a fault in iommusan itself, or a report that cannot be written
  Of several, the first in the order 3, 4, 1, 0 is taken.

Examples:
  iommusan check trace.dat
  iommusan check --format json trace.dat > report.json
  iommusan check --only free-while-mapped,unbind-leak host1.dat host2.dat
  iommusan check --max-lost 0 trace.dat       an incomplete trace fails
  iommusan check trace.txt.xz                 text, compressed
  perf script | iommusan check -`;

/** Adds `iommusan check` to the program. */
export function addCheckCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  const command = program
    .command('check')
    .summary('look for DMA use-after-free and its relatives in traces')
    .description(
      'Looks for DMA use-after-free, leaked IOMMU mappings and their relatives in recorded traces.',
    )
    .argument(
      '<FILE...>',
      "traces: trace.dat, perf.data, text or raw captures, compressed or not; '-' is standard input",
    )
    .addOption(
      new Option(
        '--accounting <mode>',
        'count what the IOMMU can really reach, or what IOMMU_DEBUG_PAGEALLOC in the kernel would count',
      )
        .choices(['exact', 'kernel'])
        .default('exact'),
    )
    .addOption(
      new Option(
        '--only <checks>',
        'run these checks only (separated by commas; may be repeated; an unknown one lists them all)',
      )
        .argParser(collectRules)
        .default([], 'all'),
    )
    .addOption(
      new Option(
        '--enable <checks>',
        "also run these checks, which are off by default (separated by commas; may be repeated; 'iommusan rules' lists them)",
      )
        .argParser(collectRules)
        .default([], 'none'),
    )
    .addOption(
      new Option('--skip <checks>', 'do not run these checks (separated by commas; may be repeated)')
        .argParser(collectRules)
        .default([], 'none'),
    )
    .option(
      '--dmesg <file>',
      "kernel log of the same boot (dmesg > file): IOMMU faults in it are matched with the trace's mappings",
    )
    .option(
      '--max-lost <events>',
      'fail when more events than this were lost; a gap of unknown size counts as one (default: no limit)',
      parseWholeNumber,
    )
    .option(
      '--reorder-window <time>',
      'events of different CPUs less than this apart (2us, 10ms, 0) may be in the wrong order (default: 10ms with the clock local, else 0)',
      parseDurationNs,
    )
    .option(
      '--suppressions <file>',
      'findings to live with, each with a reason (default: iommusan.suppressions, if it is there)',
    )
    .option('--no-suppressions', 'pass over iommusan.suppressions')
    .option('--baseline <file>', 'a report of --format json: its findings are known, others are new')
    .addOption(
      new Option(
        '--fail-on <findings>',
        'which findings give exit status 1 (default: new with --baseline, else all)',
      ).choices(FAIL_ON),
    )
    .option(
      '--detail',
      'add the life of each page, for which the trace is read twice, and how mappings went over time (html has them anyway)',
    )
    .option('--no-progress', 'no progress bar, even on a terminal')
    .addHelpText('after', HELP)
    .action(async (files: string[], options: CheckOptions) => {
      const { check } = await import('./check.ts');
      finish(await check(files, options, io, loadEngine));
    });
  addReportOptions(command);
}
