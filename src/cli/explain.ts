import type { AccountingMode, CheckReport } from '../findings/check-report.ts';
import { renderExplanation } from '../report/explain.ts';
import { renderFindingList } from '../report/finding-list.ts';
import { renderJson } from '../report/json.ts';
import type { EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Frames that are shown of each stack. */
const FRAMES = 4;

/** Options of `iommusan explain`, as commander hands them over. */
export interface ExplainCommandOptions {
  readonly accounting: AccountingMode;
  readonly enable: readonly string[];
  readonly events: number;
  readonly format: 'text' | 'json';
  readonly color: ColorMode;
}

/** `iommusan explain`: how the verdict on one finding came about. */
export async function explain(
  file: string,
  wanted: string | undefined,
  options: ExplainCommandOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  if (file === '-') throw new UsageError('explain reads a trace twice: standard input cannot be explained.');
  const { accounting, enable, format } = options;
  const engine = await loadEngine();
  const report = await engine.checkTrace(file, { accounting, ...(enable.length > 0 && { enable }) });
  const text = { color: wantsColor(options.color, io), width: textWidth(io) };
  if (wanted === undefined) {
    await write(io.stdout, format === 'json' ? renderJson(report) : renderFindingList(report, text));
    return EXIT.clean;
  }
  const number = numberOf(wanted, report, file);
  const finding = report.findings[number - 1];
  if (finding === undefined) throw new Error('numberOf() has answered with a number that is none');
  const [life] = await engine.livesOf(file, [finding], {
    accounting,
    mostEvents: options.events,
    frames: FRAMES,
  });
  const explained = { ...finding, ...(life && { life }) };
  await write(
    io.stdout,
    format === 'json'
      ? renderJson({ ...report, findings: [explained] })
      : renderExplanation(explained, { ...text, number, of: report.findings.length }),
  );
  return EXIT.clean;
}

/** The number of the finding that is meant: given as such, or as the beginning of a signature that no other has. */
function numberOf(wanted: string, { findings }: CheckReport, file: string): number {
  const isNumber = /^[1-9]\d*$/.test(wanted) && Number(wanted) <= findings.length;
  if (isNumber) return Number(wanted);
  const matching = findings.flatMap(({ signature }, index) =>
    signature.startsWith(wanted.toLowerCase()) ? [index + 1] : [],
  );
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  const hint = `"iommusan explain ${file}" lists them.`;
  if (only !== undefined) {
    throw new UsageError(`'${wanted}' begins the signatures of ${matching.length} findings. ${hint}`);
  }
  throw new UsageError(
    findings.length === 0
      ? `${file} has no findings.`
      : `${file} has no finding '${wanted}': there are ${findings.length}. ${hint}`,
  );
}
