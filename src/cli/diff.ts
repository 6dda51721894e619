import type { CheckReport } from '../findings/check-report.ts';
import { differenceOf } from '../findings/difference.ts';
import { renderDifference } from '../report/difference.ts';
import { toJson } from '../report/json.ts';
import type { Engine, EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { isStoredReport, readStoredReports } from './stored.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Options of `iommusan diff`, as commander hands them over. */
export interface DiffOptions {
  readonly format: 'text' | 'json';
  readonly color: ColorMode;
}

/** `iommusan diff`: compares two verdicts. */
export async function diff(
  before: string,
  after: string,
  options: DiffOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  if (before === '-' && after === '-') throw new UsageError("standard input ('-') can be read only once.");
  const engine = await loadEngine();
  const difference = differenceOf(await reportsOf(before, engine), await reportsOf(after, engine));
  const text =
    options.format === 'json'
      ? toJson(difference)
      : renderDifference(difference, { color: wantsColor(options.color, io), width: textWidth(io) });
  await write(io.stdout, text);
  return difference.new.some(({ severity }) => severity !== 'note') ? EXIT.findings : EXIT.clean;
}

async function reportsOf(file: string, engine: Engine): Promise<CheckReport[]> {
  return isStoredReport(file) ? readStoredReports(file) : [await engine.checkTrace(file)];
}
