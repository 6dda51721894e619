import type { EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { openReports, type ReportOptions } from './report-output.ts';
import { readStoredReports } from './stored.ts';

/** `iommusan report`: writes stored reports in another form. */
export async function report(
  files: readonly string[],
  options: ReportOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  const reports = files.flatMap(readStoredReports);
  const { RULES } = await loadEngine();
  const output = await openReports(options, reports.length, RULES, io);
  for (const one of reports) {
    const isOpen = await output.add(one);
    if (!isOpen) return EXIT.clean;
  }
  await output.finish();
  return EXIT.clean;
}
