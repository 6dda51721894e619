import { type Command, Option } from 'commander';
import { COLOR_MODES } from './terminal.ts';

/** The forms of a report. */
export const REPORT_FORMATS = [
  'text',
  'json',
  'jsonl',
  'sarif',
  'junit',
  'github',
  'markdown',
  'html',
] as const;

export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** Adds the options that say how a report is written; the same for each command that writes one. */
export function addReportOptions(command: Command): void {
  command
    .addOption(
      new Option('--format <format>', 'form of the report; several FILEs make one document')
        .choices(REPORT_FORMATS)
        .default('text'),
    )
    .option('-o, --output <file>', 'write the report to a file')
    .option('--all', 'show every finding in full, not only the first 20')
    .addOption(new Option('--color <when>', 'use colour').choices(COLOR_MODES).default('auto'));
}
