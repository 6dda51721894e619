import type { AccountingMode, CheckReport } from '../findings/check-report.ts';
import { renderJson } from '../report/json.ts';
import { renderText } from '../report/text.ts';
import type { CheckTraceOptions, Engine, EngineLoader } from './engine.ts';
import { EXIT, type ExitCode, worse } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { problemOf } from './problem.ts';
import { verifySelection } from './rule-selection.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Options of `iommusan check`, as commander hands them over. */
export interface CheckOptions {
  readonly format: 'text' | 'json';
  readonly accounting: AccountingMode;
  readonly only: readonly string[];
  readonly enable: readonly string[];
  readonly skip: readonly string[];
  /** Lost events that are accepted; no limit where absent. */
  readonly maxLost?: number;
  readonly all?: boolean;
  readonly progress: boolean;
  readonly color: ColorMode;
}

/** `iommusan check`: reads one trace after the other and writes a report of each. */
export async function check(
  files: readonly string[],
  options: CheckOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  if (files.filter(file => file === '-').length > 1) {
    throw new UsageError("standard input ('-') can be read only once.");
  }
  const engine = await loadEngine();
  verifySelection(options, engine.RULES);

  let exitCode: ExitCode = EXIT.clean;
  const forJson: CheckReport[] = [];
  let separator = '';
  for (const file of files) {
    const started = performance.now();
    const report = await checkOne(file, options, io, engine);
    exitCode = worse(exitCode, report === undefined ? EXIT.unreadable : exitCodeOf(report, options.maxLost));
    if (report === undefined) continue;
    if (options.format === 'json') {
      forJson.push(report);
      continue;
    }
    const text = renderText(report, {
      color: wantsColor(options.color, io),
      width: textWidth(io),
      all: options.all === true,
      elapsedMs: performance.now() - started,
    });
    const isOpen = await write(io.stdout, separator + text);
    if (!isOpen) return exitCode;
    separator = '\n';
  }
  if (options.format === 'json') await writeJson(files, forJson, io);
  return exitCode;
}

/** The exit code that a report of one trace asks for. */
export function exitCodeOf({ lost, findings }: CheckReport, maxLost = Number.POSITIVE_INFINITY): ExitCode {
  // A gap that the kernel did not count stands for one event: at least that many are missing.
  if (lost.events + lost.uncountedGaps > maxLost) return EXIT.tooMuchLost;
  return findings.some(({ severity }) => severity !== 'note') ? EXIT.findings : EXIT.clean;
}

/** @returns undefined when the trace cannot be read, which has been said on standard error */
async function checkOne(
  file: string,
  { accounting, only, enable, skip, progress: wantsProgress }: CheckOptions,
  io: Io,
  engine: Engine,
): Promise<CheckReport | undefined> {
  const progress =
    wantsProgress && io.stderr.isTTY === true
      ? (await import('./progress.ts')).newProgress(file, io.stderr)
      : undefined;
  const options: CheckTraceOptions = {
    accounting,
    ...(only.length > 0 && { only }),
    ...(enable.length > 0 && { enable }),
    ...(skip.length > 0 && { skip }),
    ...(progress && { onProgress: progress.report }),
  };
  try {
    return await engine.checkTrace(file, options);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.exitCode !== EXIT.unreadable) throw error;
    progress?.stop();
    await write(io.stderr, `iommusan: ${problem.message}\n`);
    return undefined;
  } finally {
    progress?.stop();
  }
}

async function writeJson(files: readonly string[], reports: readonly CheckReport[], io: Io): Promise<void> {
  const [report] = reports;
  if (files.length > 1) await write(io.stdout, renderJson(reports));
  else if (report !== undefined) await write(io.stdout, renderJson(report));
}
