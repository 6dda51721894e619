import type { AccountingMode, CheckReport } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import { renderExplanation } from '../report/explain.ts';
import { renderFindingList } from '../report/finding-list.ts';
import { renderJson } from '../report/json.ts';
import type { Engine, EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import type { Progress } from './progress.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Frames that are shown of each stack. */
const FRAMES = 4;

/** Options of `iommusan explain`, as commander hands them over. */
export interface ExplainCommandOptions {
  readonly accounting: AccountingMode;
  readonly enable: readonly string[];
  readonly dmesg?: string;
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
  const engine = await loadEngine();
  const progress =
    io.stderr.isTTY === true ? (await import('./progress.ts')).newProgress(file, io.stderr) : undefined;
  let text: string;
  try {
    text = await explanation(engine, file, wanted, options, io, progress?.report);
  } finally {
    progress?.stop();
  }
  await write(io.stdout, text);
  return EXIT.clean;
}

/** What is to be written: the findings where none is named, else how the one came about. */
async function explanation(
  engine: Engine,
  file: string,
  wanted: string | undefined,
  { accounting, enable, dmesg, events, format, color }: ExplainCommandOptions,
  io: Io,
  report: Progress['report'] | undefined,
): Promise<string> {
  const shared = {
    accounting,
    ...(dmesg !== undefined && { dmesg }),
    ...(report && { onProgress: report }),
  };
  const checked = await engine.checkTrace(file, { ...shared, ...(enable.length > 0 && { enable }) });
  const look = { color: wantsColor(color, io), width: textWidth(io) };
  if (wanted === undefined) return format === 'json' ? renderJson(checked) : renderFindingList(checked, look);

  const [finding, number] = findingNamed(wanted, checked, file);
  const [life] = await engine.livesOf(file, [finding], { ...shared, mostEvents: events, frames: FRAMES });
  const explained = { ...finding, ...(life && { life }) };
  return format === 'json'
    ? renderJson({ ...checked, findings: [explained] })
    : renderExplanation(explained, { ...look, number, of: checked.findings.length });
}

/** The finding that is meant, and its number: given as such, or as the beginning of a signature that no other has. */
function findingNamed(
  wanted: string,
  { findings }: CheckReport,
  file: string,
): [finding: Finding, number: number] {
  const byNumber = /^[1-9]\d*$/.test(wanted) ? findings[Number(wanted) - 1] : undefined;
  if (byNumber !== undefined) return [byNumber, Number(wanted)];
  const matching = findings.filter(({ signature }) => signature.startsWith(wanted.toLowerCase()));
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return [only, findings.indexOf(only) + 1];
  const hint = `"iommusan explain ${file}" lists them.`;
  if (matching.length > 1) {
    throw new UsageError(`'${wanted}' begins the signatures of ${matching.length} findings. ${hint}`);
  }
  throw new UsageError(
    findings.length === 0
      ? `${file} has no findings.`
      : `${file} has no finding '${wanted}': there are ${findings.length}. ${hint}`,
  );
}
