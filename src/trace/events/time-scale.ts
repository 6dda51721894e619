import type { TraceDat } from '../dat/trace-dat.ts';
import type { EventHandler } from './raw-event.ts';
import type { WalkListener, WalkResult } from './walk.ts';

/** Turns a time of the ring buffer into nanoseconds. */
export type TimeScale = (time: number) => number;

const HALF = 2 ** 32;

/**
 * How the times of a trace become nanoseconds, as trace-cmd does it: ticks of the time stamp counter by the factor
 * that the recorder has measured, then what the user wanted added.
 *
 * @returns `undefined` where they are nanoseconds already
 */
export function timeScaleOf({
  tsc2nsec,
  timeOffsetNs,
}: Pick<TraceDat, 'tsc2nsec' | 'timeOffsetNs'>): TimeScale | undefined {
  if (!tsc2nsec || tsc2nsec.multiplier === 0) {
    return timeOffsetNs === 0 ? undefined : time => time + timeOffsetNs;
  }
  const { multiplier } = tsc2nsec;
  const divisor = 2 ** tsc2nsec.shift;
  return ticks => {
    // In halves: the product may have 96 bits, and a float64 holds 53.
    const high = Math.floor(ticks / HALF);
    const low = ticks - high * HALF;
    const scaledHigh = (high * multiplier * HALF) / divisor;
    return Math.floor(scaledHigh + (low * multiplier) / divisor) + timeOffsetNs;
  };
}

/** A listener that is told nanoseconds of a walk whose times are something else. */
export function scaledListener(listener: WalkListener, scale: TimeScale): WalkListener {
  return {
    handlerFor(id) {
      const handler: EventHandler | undefined = listener.handlerFor(id);
      return (
        handler &&
        (event => {
          event.timeNs = scale(event.timeNs);
          handler(event);
        })
      );
    },
    eventsLost: (cpu, count, sinceNs, untilNs) =>
      listener.eventsLost(cpu, count, Number.isFinite(sinceNs) ? scale(sinceNs) : sinceNs, scale(untilNs)),
    ...(listener.progress ? { progress: (done, total) => listener.progress?.(done, total) } : {}),
  };
}

/** What was counted in that walk, in nanoseconds. */
export function scaledResult(result: WalkResult, scale: TimeScale): WalkResult {
  return {
    ...result,
    firstNs: scale(result.firstNs),
    lastNs: scale(result.lastNs),
    perCpu: result.perCpu.map(counts => ({
      ...counts,
      firstNs: scale(counts.firstNs),
      lastNs: scale(counts.lastNs),
    })),
  };
}
