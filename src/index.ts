/**
 * iommusan as a library: give it a recorded trace, get the verdict.
 *
 * ```ts
 * import { checkTrace } from 'iommusan';
 * const report = await checkTrace('trace.dat');
 * for (const finding of report.findings) console.log(finding.rule, finding.title);
 * ```
 */
export { type CheckTraceOptions, checkTrace } from './check-trace.ts';
export { RULES } from './checks/all-checks.ts';
export {
  anonymizeTrace,
  type ConvertOptions,
  convertTrace,
  TRACE_FORMS,
  type TraceForm,
} from './convert-trace.ts';
export type * from './findings/check-report.ts';
export { SCHEMA_VERSION } from './findings/check-report.ts';
export type * from './findings/finding.ts';
export type * from './findings/life.ts';
export type { Rule, Severity } from './findings/rule.ts';
export type * from './findings/series.ts';
export type { TraceStats } from './findings/trace-stats.ts';
export { type LivesOptions, livesOf } from './lives-of.ts';
export { TraceError } from './trace/trace-error.ts';
export { type TraceStatsOptions, traceStats } from './trace-stats.ts';
export { VERSION } from './version.ts';
