import { formatDuration } from '../kernel/duration.ts';

export { formatDuration };

const MILLISECOND = 1e6;
const SECOND = 1e9;

/** A moment on the trace's clock as ftrace prints it, so that it can be searched for: `9.880285 s`. */
export function formatMoment(timeNs: number): string {
  return `${(timeNs / SECOND).toFixed(6)} s`;
}

/** When `timeNs` was, seen from `fromNs`: `1.2 ms earlier`, `188 ms later`, `at the same time`. */
export function formatAge(timeNs: number, fromNs: number): string {
  if (timeNs === fromNs) return 'at the same time';
  const distance = formatDuration(Math.abs(timeNs - fromNs));
  return timeNs < fromNs ? `${distance} earlier` : `${distance} later`;
}

/** How long the check itself took: `14 ms`, `0.14 s`. */
export function formatElapsed(elapsedMs: number): string {
  if (elapsedMs < 99.5) return `${Math.round(elapsedMs)} ms`;
  return elapsedMs < 10_000 ? `${(elapsedMs / 1000).toFixed(2)} s` : formatDuration(elapsedMs * MILLISECOND);
}
