import { writeFile } from 'node:fs/promises';
import type { CheckReport } from '../findings/check-report.ts';
import type { Rule } from '../findings/rule.ts';
import { renderJson } from '../report/json.ts';
import { renderText } from '../report/text.ts';
import { type Io, OutputError, write } from './io.ts';
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
  io: Io,
): Promise<ReportWriter> {
  const { format, output } = options;
  if (format === 'html' && output === undefined && io.stdout.isTTY === true) {
    throw new UsageError('a page of HTML is for a file: add --output report.html.');
  }
  if (format === 'text' && output === undefined) return textAsItComes(options, io);
  const reports: CheckReport[] = [];
  return {
    async add(report) {
      reports.push(report);
      return true;
    },
    async finish() {
      const text = await render(reports, options, count, rules);
      if (text === '') return;
      if (output === undefined) await write(io.stdout, text);
      else await writeFile(output, text).catch(refuse);
    },
  };
}

function refuse(error: Error): never {
  throw new OutputError(`the report cannot be written: ${error.message}`);
}

/** Text is read by a person who is waiting. */
function textAsItComes(options: ReportOptions, io: Io): ReportWriter {
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

async function render(
  reports: readonly CheckReport[],
  options: ReportOptions,
  count: number,
  rules: readonly Rule[],
): Promise<string> {
  const [only] = reports;
  switch (options.format) {
    case 'text': {
      const color = options.color === 'always';
      const all = options.all === true;
      return reports.map(report => renderText(report, { color, width: 80, all })).join('\n');
    }
    case 'json':
      if (count > 1) return renderJson(reports);
      return only === undefined ? '' : renderJson(only);
    case 'jsonl':
      return (await import('../report/json-lines.ts')).renderJsonLines(reports);
    case 'sarif':
      return (await import('../report/sarif.ts')).renderSarif(reports, rules);
    case 'junit':
      return (await import('../report/junit.ts')).renderJunit(reports, rules);
    case 'github':
      return (await import('../report/github.ts')).renderGithub(reports);
    case 'markdown':
      return (await import('../report/markdown.ts')).renderMarkdown(reports);
    case 'html': {
      const { renderHtml } = await import('../report/html.ts');
      const { readReportPage } = await import('./report-page.ts');
      return renderHtml(reports, await readReportPage());
    }
  }
}
