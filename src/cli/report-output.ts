import type { CheckReport } from '../findings/check-report.ts';
import type { Rule } from '../findings/rule.ts';
import { renderText } from '../report/text.ts';
import { type TextIo, write } from './io.ts';
import type { ReportFormat } from './report-options.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** How a report is written, as commander hands it over. */
export interface ReportOptions {
  readonly format: ReportFormat;
  /** A file in place of standard output. */
  readonly output?: string;
  readonly all?: boolean;
  readonly color: ColorMode;
}

/** Where the reports of a run go. */
export interface ReportWriter {
  /**
   * Takes the next report.
   *
   * @returns false when nobody reads any more
   */
  add(report: CheckReport, elapsedMs?: number): Promise<boolean>;
  /** All reports are there. */
  finish(): Promise<void>;
}

/** @param count reports that may come; of one that is JSON, the document is an object, else an array */
export async function openReports(
  options: ReportOptions,
  count: number,
  rules: readonly Rule[],
  io: TextIo,
): Promise<ReportWriter> {
  const { format, output } = options;
  if (format === 'html' && output === undefined && io.stdout.isTTY === true) {
    throw new UsageError('a page of HTML is for a file: add --output report.html.');
  }
  if (format === 'text' && output === undefined) return textAsItComes(options, io);
  const { wholeReports } = await import('./whole-reports.ts');
  return wholeReports(options, count, rules, io);
}

/** Text is read by a person who is waiting. */
function textAsItComes(options: ReportOptions, io: TextIo): ReportWriter {
  let separator = '';
  return {
    add(report, elapsedMs) {
      const text = renderText(report, {
        color: wantsColor(options.color, io),
        width: textWidth(io),
        all: options.all === true,
        ...(elapsedMs !== undefined && { elapsedMs }),
      });
      const whole = separator + text;
      separator = '\n';
      return write(io.stdout, whole);
    },
    finish: async () => {},
  };
}
