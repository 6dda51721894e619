import type { AccountingMode, CheckReport } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import type { Life } from '../findings/life.ts';
import type { Rule } from '../findings/rule.ts';
import type { TraceStats } from '../findings/trace-stats.ts';

/** Options of {@link Engine.checkTrace}. */
export interface CheckTraceOptions {
  readonly accounting?: AccountingMode;
  readonly only?: readonly string[];
  readonly enable?: readonly string[];
  readonly skip?: readonly string[];
  readonly dmesg?: string;
  readonly detail?: boolean;
  readonly reorderWindowNs?: number;
  /** Called now and then while reading, with bytes read and bytes in all; a `total` of 0 is unknown. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options of {@link Engine.livesOf}. */
export interface LivesOptions {
  readonly accounting: AccountingMode;
  readonly mostEvents: number;
  readonly frames: number;
  readonly dmesg?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What the commands need of the library. */
export interface Engine {
  readonly RULES: readonly Rule[];
  checkTrace(path: string, options?: CheckTraceOptions): Promise<CheckReport>;
  /** What happened to the pages of findings, in the order of these. */
  livesOf(path: string, findings: readonly Finding[], options: LivesOptions): Promise<Life[]>;
  traceStats(path: string): Promise<TraceStats>;
}

/** How a command comes by the library when it needs it. */
export type EngineLoader = () => Promise<Engine>;

/** The library itself, loaded only when a trace is to be read. */
export const loadEngine: EngineLoader = () => import('../index.ts');
