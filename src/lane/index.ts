import type { Judge } from '../checks/judge.ts';
import type { KernelEvents } from '../kernel/events.ts';
import { ExactAccounting } from '../shadow/exact-accounting.ts';
import type { TraceDat } from '../trace/dat/trace-dat.ts';
import { timeScaleOf } from '../trace/events/time-scale.ts';
import type { Progress } from '../trace/source.ts';
import type { TraceSource } from '../trace/trace-source.ts';
import { type LaneResult, walkInLane } from './walk.ts';

export type { LaneResult } from './walk.ts';

/** Bytes of a page of memory and of a long for which the code is compiled. */
const PAGE_SIZE = 4096;
const LONG_SIZE = 8;

/** Whether the lane can tell the ordinary events of a trace to a judge. */
export function fitsLane({ trace }: TraceSource, judge: Judge): boolean {
  return isOfUsualKind(trace) && judge.shadow.accounting instanceof ExactAccounting && !judge.isFollowed;
}

function isOfUsualKind(trace: TraceDat): boolean {
  const { littleEndian, layout, pageSize } = trace;
  const isUsual = littleEndian && layout.commitSize === LONG_SIZE && pageSize === PAGE_SIZE;
  return isUsual && timeScaleOf(trace) === undefined;
}

/** Plays all events of a trace as `TraceSource.run` does; `judge` is told of ordinary ones by the lane. */
export function runInLane(
  source: TraceSource,
  judge: Judge,
  sink: KernelEvents,
  progress?: Progress,
): LaneResult {
  const { shadow } = judge;
  const { accounting } = shadow;
  if (!(accounting instanceof ExactAccounting)) throw new Error('the lane counts exactly');
  const { refs } = accounting;
  let ordinary = 0;
  const walked = source.run(sink, progress, binder => (trace, positions, formatOf, _longSize, listener) => {
    const parties = { shadow, refs, names: source.names, binder, wanted: () => judge.wanted.now() };
    const result = walkInLane(parties, trace, positions, formatOf, listener);
    ordinary = result.ordinary;
    return result;
  });
  return { ...walked, ordinary };
}
