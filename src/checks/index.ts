export { ALL_CHECKS, DEFAULT_CHECKS, RULES } from './all-checks.ts';
export type { Check, CheckContext, CheckDefinition } from './check.ts';
export { Judge, type JudgeOptions } from './judge.ts';
export { skippedReason } from './skipped-reason.ts';
