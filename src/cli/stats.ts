import { renderStats, renderStatsJson } from '../report/stats.ts';
import type { EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';

/** Options of `iommusan stats`, as commander hands them over. */
export interface StatsOptions {
  readonly format: 'text' | 'json';
  readonly color: ColorMode;
}

/** `iommusan stats`: says what a trace holds and which checks can work on it. */
export async function stats(
  file: string,
  options: StatsOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  const { traceStats } = await loadEngine();
  const found = await traceStats(file);
  const text =
    options.format === 'json'
      ? renderStatsJson(found)
      : renderStats(found, { color: wantsColor(options.color, io), width: textWidth(io) });
  await write(io.stdout, text);
  return EXIT.clean;
}
