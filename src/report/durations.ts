const MICROSECOND = 1e3;
const MILLISECOND = 1e6;
const SECOND = 1e9;

/** A moment on the trace's clock as ftrace prints it, so that it can be searched for: `9.880285 s`. */
export function formatMoment(timeNs: number): string {
  return `${(timeNs / SECOND).toFixed(6)} s`;
}

/** A length of time in nanoseconds, as short as a reader needs it: `1.2 ms`, `188 ms`, `5.5 s`, `2 min 5 s`. */
export function formatDuration(durationNs: number): string {
  if (durationNs < MICROSECOND) return `${Math.round(durationNs)} ns`;
  if (durationNs < 999.5 * MICROSECOND) return `${short(durationNs / MICROSECOND)} µs`;
  if (durationNs < 999.5 * MILLISECOND) return `${short(durationNs / MILLISECOND)} ms`;
  const seconds = durationNs / SECOND;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return inTwoUnits(Math.round(seconds));
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

function short(value: number): string {
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

function inTwoUnits(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}
