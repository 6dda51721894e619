import type { AccountingMode, CheckReport } from '../findings/check-report.ts';
import type { Rule } from '../findings/rule.ts';
import type { TraceStats } from '../findings/trace-stats.ts';

/** Options of {@link Engine.checkTrace}. */
export interface CheckTraceOptions {
  readonly accounting?: AccountingMode;
  readonly only?: readonly string[];
  readonly enable?: readonly string[];
  readonly skip?: readonly string[];
  /** Called now and then while reading, with bytes read and bytes in all; a `total` of 0 is unknown. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What the commands need of the library. */
export interface Engine {
  readonly RULES: readonly Rule[];
  checkTrace(path: string, options?: CheckTraceOptions): Promise<CheckReport>;
  traceStats(path: string): Promise<TraceStats>;
}

/** How a command comes by the library when it needs it. */
export type EngineLoader = () => Promise<Engine>;

/** The library itself, loaded only when a trace is to be read. */
export const loadEngine: EngineLoader = () => import('../index.ts');
