import type { CheckReport } from '../findings/check-report.ts';
import type { Rule } from '../findings/rule.ts';
import { renderJson } from '../report/json.ts';
import { renderText } from '../report/text.ts';
import { OutputError, type TextIo, write } from './io.ts';
import type { ReportOptions, ReportWriter } from './report-output.ts';

/** Reports that are written together when all are there. */
export function wholeReports(
  options: ReportOptions,
  count: number,
  rules: readonly Rule[],
  io: TextIo,
): ReportWriter {
  const { output } = options;
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
      else await writeReport(output, text);
    },
  };
}

async function writeReport(path: string, text: string): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(path, text).catch((error: Error) => {
    throw new OutputError(`the report cannot be written: ${error.message}`);
  });
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
