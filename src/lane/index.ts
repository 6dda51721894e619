import type { Judge } from '../checks/judge.ts';
import type { KernelEvents } from '../kernel/events.ts';
import { ExactAccounting } from '../shadow/exact-accounting.ts';
import type { Binder } from '../trace/bindings/binder.ts';
import type { TraceDat } from '../trace/dat/trace-dat.ts';
import { timeScaleOf } from '../trace/events/time-scale.ts';
import type { Progress, Source } from '../trace/source.ts';
import type { TextSource } from '../trace/text/text-source.ts';
import type { TraceSource } from '../trace/trace-source.ts';
import { isLong, unpackable } from '../trace/unpack/order.ts';
import { LaneBatches } from './batches.ts';
import type { LaneParties } from './host.ts';
import { type LaneResult, type StartAhead, walkInLane } from './walk.ts';

export type { LaneResult } from './walk.ts';

/** Bytes of a page of memory and of a long for which the code is compiled. */
const PAGE_SIZE = 4096;
const LONG_SIZE = 8;

/** Sources whose records the lane can read. */
type LaneSource = TraceSource | TextSource;

/** Whether the lane can tell the ordinary events of a source to a judge. */
export function fitsLane(source: Source, judge: Judge): source is LaneSource {
  if (!(judge.shadow.accounting instanceof ExactAccounting) || judge.isFollowed) return false;
  if (source.description.pageSize !== PAGE_SIZE) return false;
  return (
    source.records === 'batches' || (source.records === 'sub-buffers' && isOfUsualKind(source as TraceSource))
  );
}

function isOfUsualKind({ trace }: TraceSource): boolean {
  const { littleEndian, layout }: TraceDat = trace;
  return littleEndian && layout.commitSize === LONG_SIZE && timeScaleOf(trace) === undefined;
}

/** Plays all events of a source as its `run` does; `judge` is told of ordinary ones by the lane. */
export function runInLane(
  source: LaneSource,
  judge: Judge,
  sink: KernelEvents,
  progress?: Progress,
  unpackAhead?: boolean,
): Promise<LaneResult> {
  const { shadow } = judge;
  const { accounting } = shadow;
  if (!(accounting instanceof ExactAccounting)) throw new Error('the lane counts exactly');
  const { refs } = accounting;
  const partiesWith = (binder: Binder): LaneParties => ({
    shadow,
    refs,
    names: source.names,
    binder,
    wanted: () => judge.wanted.now(),
  });
  return source.records === 'batches'
    ? runBatches(source, partiesWith, sink, progress)
    : runSubBuffers(source, partiesWith, sink, progress, unpackAhead);
}

async function runSubBuffers(
  source: TraceSource,
  partiesWith: (binder: Binder) => LaneParties,
  sink: KernelEvents,
  progress: Progress | undefined,
  unpackAhead: boolean | undefined,
): Promise<LaneResult> {
  let ordinary = 0;
  const startAhead = await aheadOf(source.trace, unpackAhead);
  const walked = source.run(sink, progress, binder => (trace, positions, formatOf, _longSize, listener) => {
    const result = walkInLane(partiesWith(binder), trace, positions, formatOf, listener, startAhead);
    ordinary = result.ordinary;
    return result;
  });
  return { ...walked, ordinary };
}

/** How to start the thread that unpacks the chunks of a trace, if one is wanted, or pays. */
async function aheadOf(trace: TraceDat, wanted: boolean | undefined): Promise<StartAhead | undefined> {
  const cpus = unpackable(trace);
  if (cpus.length === 0 || !(wanted ?? isLong(cpus))) return undefined;
  const { UnpackAhead } = await import('../trace/unpack/unpack-ahead.ts');
  return allocate => UnpackAhead.start(trace, allocate, wanted);
}

async function runBatches(
  source: TextSource,
  partiesWith: (binder: Binder) => LaneParties,
  sink: KernelEvents,
  progress: Progress | undefined,
): Promise<LaneResult> {
  let batches: LaneBatches | undefined;
  const walked = await source.run(sink, progress, (binder, handlerFor) => {
    batches = new LaneBatches(partiesWith(binder), handlerFor);
    return batches;
  });
  batches?.end();
  return { ...walked, ordinary: batches?.ordinary ?? 0 };
}
