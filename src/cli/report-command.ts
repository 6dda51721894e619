import type { Command } from 'commander';
import type { EngineLoader } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { addReportOptions } from './report-options.ts';
import type { ReportOptions } from './report-output.ts';

const HELP = `
Exit status:
  0   the report was written, whatever it says
  2   wrong usage
  3   a FILE is no stored report
  70  a fault in iommusan itself, or a report that cannot be written

Examples:
  iommusan check --format json --detail trace.dat > report.json
  iommusan report report.json                      as text
  iommusan report --format html -o report.html report.json
  iommusan report --format markdown report.json    for a mail or a bug report`;

/** Adds `iommusan report` to the program. */
export function addReportCommand(
  program: Command,
  io: Io,
  loadEngine: EngineLoader,
  finish: (exitCode: ExitCode) => void,
): void {
  const command = program
    .command('report')
    .summary('write a stored report in another form')
    .description('Writes reports that "iommusan check --format json" has stored in another form.')
    .argument('<FILE...>', "stored reports; '-' is standard input")
    .addHelpText('after', HELP)
    .action(async (files: string[], options: ReportOptions) => {
      const { report } = await import('./report.ts');
      finish(await report(files, options, io, loadEngine));
    });
  addReportOptions(command);
}
