/** Tells whether so many milliseconds have passed since it last said so. */
export function every(periodMs: number): (nowMs: number) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return now => {
    if (now - last < periodMs) return false;
    last = now;
    return true;
  };
}
