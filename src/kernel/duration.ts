const MICROSECOND = 1e3;
const MILLISECOND = 1e6;
const SECOND = 1e9;

/** A length of time in nanoseconds, as short as a reader needs it: `1.2 ms`, `188 ms`, `5.5 s`, `2 min 5 s`. */
export function formatDuration(durationNs: number): string {
  if (durationNs < MICROSECOND) return `${Math.round(durationNs)} ns`;
  if (durationNs < 999.5 * MICROSECOND) return `${short(durationNs / MICROSECOND)} µs`;
  if (durationNs < 999.5 * MILLISECOND) return `${short(durationNs / MILLISECOND)} ms`;
  const seconds = durationNs / SECOND;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return inTwoUnits(Math.round(seconds));
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
