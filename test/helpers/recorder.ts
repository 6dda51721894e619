import type { KernelEvents } from '../../src/kernel/events.ts';
import { copyMoment, type Moment } from '../../src/kernel/moment.ts';

/** A call of a {@link KernelEvents} method: its name and its arguments as plain values. */
export type Call = readonly [method: keyof KernelEvents, ...values: unknown[]];

/** A {@link KernelEvents} that writes down what it is told. */
export interface Recorder {
  readonly sink: KernelEvents;
  /** The calls in order, without their moments. */
  readonly calls: Call[];
  /** The moments of the calls, copied; `undefined` for `eventsLost`, which has none. */
  readonly moments: (Moment | undefined)[];
}

const METHODS: Readonly<Record<keyof KernelEvents, true>> = {
  iommuMap: true,
  iommuUnmapBegin: true,
  iommuUnmapEnd: true,
  iotlbFlush: true,
  ioPageFault: true,
  domainAlloc: true,
  domainAttach: true,
  domainFree: true,
  pageAlloc: true,
  pageFree: true,
  dmaMapBegin: true,
  dmaMap: true,
  dmaUnmap: true,
  dmaMapSg: true,
  dmaUnmapSg: true,
  dmaSync: true,
  stateBegin: true,
  mappingFound: true,
  stateEnd: true,
  driverFound: true,
  driverProbe: true,
  driverCleanup: true,
  driverUnbound: true,
  poolCreate: true,
  poolHold: true,
  poolRelease: true,
  poolShutdown: true,
  poolDestroy: true,
  slabAlloc: true,
  slabFree: true,
  svaBind: true,
  svaUnbind: true,
  kernelTableUnlink: true,
  kernelTableFree: true,
  svaInvalidateBegin: true,
  svaInvalidateEnd: true,
  eventsLost: true,
};

export function newRecorder(): Recorder {
  const calls: Call[] = [];
  const moments: (Moment | undefined)[] = [];
  const sink = Object.fromEntries(
    Object.keys(METHODS).map(method => [
      method,
      (...values: unknown[]) => {
        const [first, ...rest] = values;
        const hasMoment = isMoment(first);
        moments.push(hasMoment ? copyMoment(first) : undefined);
        calls.push([method as keyof KernelEvents, ...(hasMoment ? rest : values).map(plain)]);
      },
    ]),
  ) as unknown as KernelEvents;
  return { sink, calls, moments };
}

function isMoment(value: unknown): value is Moment {
  return typeof value === 'object' && value !== null && 'timeNs' in value && 'context' in value;
}

/** Arrays that the source reuses are copied, cut to the elements that count. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('phys' in value)) return value;
  const list = value as Parameters<KernelEvents['dmaMapSg']>[2];
  return {
    phys: [...list.phys.subarray(0, list.nents)],
    fullNents: list.fullNents,
    dmaAddr: [...list.dmaAddr.subarray(0, list.ents)],
    length: [...list.length.subarray(0, list.ents)],
    fullEnts: list.fullEnts,
  };
}
