import { dmaAttrNames, dmaDirectionName } from '../kernel/dma.ts';
import { type KernelEvents, PROT_UNKNOWN, type ScatterList } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import { hex } from '../kernel/units.ts';

/** A value of a line; what is `undefined` is left out, because the source does not know it. */
type Value = string | number | readonly string[] | readonly number[] | undefined;

/**
 * Writes each event as one line of JSON, an object with its name in `event` (docs/converting.md). Addresses and page
 * frame numbers are hexadecimal texts, sizes and counts numbers, times nanoseconds of the trace's clock.
 */
export function jsonLines(names: SourceNames, write: (line: string) => void): KernelEvents {
  const put = (event: keyof KernelEvents, fields: Readonly<Record<string, Value>>): void =>
    write(`${JSON.stringify({ event, ...fields })}\n`);
  const line = (event: keyof KernelEvents, at: Moment, fields: Readonly<Record<string, Value>>): void => {
    const stack = names.stack(at.stack).map(({ symbol, address }) => symbol ?? address ?? '?');
    put(event, {
      timeNs: at.timeNs,
      cpu: at.cpu,
      pid: at.pid,
      task: names.task(at.pid),
      // Below 0 it is an interrupt or the idle task of a CPU: executionContext().
      context: at.context === at.pid ? undefined : at.context,
      ...fields,
      stack: stack.length > 0 ? stack : undefined,
    });
  };
  const domain = (id: number): Value => names.domain(id);
  const device = (id: number): Value => names.device(id);
  const pool = (id: number): Value => names.pool(id);
  return {
    iommuMap: (at, domainId, iova, phys, size, prot) =>
      line('iommuMap', at, {
        domain: domain(domainId),
        iova: hex(iova),
        phys: hex(phys),
        size,
        prot: prot === PROT_UNKNOWN ? undefined : hex(prot),
      }),
    iommuUnmapBegin: (at, domainId, iova, size) =>
      line('iommuUnmapBegin', at, { domain: domain(domainId), iova: hex(iova), size }),
    iommuUnmapEnd: (at, domainId, iova, size, unmapped) =>
      line('iommuUnmapEnd', at, { domain: domain(domainId), iova: hex(iova), size, unmapped }),
    iotlbFlush: (at, domainId, iova, size) =>
      line('iotlbFlush', at, {
        domain: domain(domainId),
        // The whole domain has no range.
        ...(Number.isFinite(size) ? { iova: hex(iova), size } : {}),
      }),
    ioPageFault: (at, deviceId, iova, isWrite, slackNs) =>
      line('ioPageFault', at, {
        device: device(deviceId),
        iova: hex(iova),
        access: isWrite < 0 ? undefined : isWrite === 1 ? 'write' : 'read',
        slackNs,
      }),
    stateBegin: at => line('stateBegin', at, {}),
    mappingFound: (at, tableId, deviceId, iova, phys, size) =>
      line('mappingFound', at, {
        table: domain(tableId),
        device: device(deviceId),
        iova: hex(iova),
        phys: hex(phys),
        size,
      }),
    stateEnd: at => line('stateEnd', at, {}),
    domainAlloc: (at, domainId, deviceId) =>
      line('domainAlloc', at, { domain: domain(domainId), device: device(deviceId) }),
    domainAttach: (at, domainId, deviceId) =>
      line('domainAttach', at, { domain: domain(domainId), device: device(deviceId) }),
    domainFree: (at, domainId) => line('domainFree', at, { domain: domain(domainId) }),
    pageAlloc: (at, pfn, order) => line('pageAlloc', at, { pfn: hex(pfn), order }),
    pageFree: (at, pfn, order) => line('pageFree', at, { pfn: hex(pfn), order }),
    dmaMapBegin: (at, deviceId) => line('dmaMapBegin', at, { device: device(deviceId) }),
    dmaMap: (at, kind, deviceId, dmaAddr, size, phys, direction, attrs) =>
      line('dmaMap', at, {
        kind,
        device: device(deviceId),
        dmaAddr: hex(dmaAddr),
        size,
        phys: phys < 0 ? undefined : hex(phys),
        ...directionAndAttrs(direction, attrs),
      }),
    dmaUnmap: (at, kind, deviceId, dmaAddr, size, direction, attrs) =>
      line('dmaUnmap', at, {
        kind,
        device: device(deviceId),
        dmaAddr: hex(dmaAddr),
        size,
        ...directionAndAttrs(direction, attrs),
      }),
    dmaMapSg: (at, deviceId, list, direction, attrs) =>
      line('dmaMapSg', at, {
        device: device(deviceId),
        ...entries(list),
        dmaAddr: addresses(list.dmaAddr, list.ents),
        length: Array.from(list.length.subarray(0, list.ents)),
        ents: list.fullEnts,
        ...directionAndAttrs(direction, attrs),
      }),
    dmaUnmapSg: (at, deviceId, list, direction, attrs) =>
      line('dmaUnmapSg', at, {
        device: device(deviceId),
        ...entries(list),
        ...directionAndAttrs(direction, attrs),
      }),
    dmaSync: (at, deviceId, dmaAddr, size, direction) =>
      line('dmaSync', at, {
        device: device(deviceId),
        dmaAddr: hex(dmaAddr),
        size,
        ...directionAndAttrs(direction, -1),
      }),
    driverFound: (at, deviceId, driverId) =>
      line('driverFound', at, { device: device(deviceId), driver: names.driver(driverId) }),
    driverProbe: (at, deviceId, driverId) =>
      line('driverProbe', at, { device: device(deviceId), driver: names.driver(driverId) }),
    driverCleanup: (at, deviceId) => line('driverCleanup', at, { device: device(deviceId) }),
    driverUnbound: (at, deviceId) => line('driverUnbound', at, { device: device(deviceId) }),
    poolCreate: (at, poolId, deviceId) =>
      line('poolCreate', at, { pool: pool(poolId), device: device(deviceId) }),
    poolHold: (at, poolId, pfn, count) => line('poolHold', at, { pool: pool(poolId), pfn: hex(pfn), count }),
    poolRelease: (at, poolId, pfn, count) =>
      line('poolRelease', at, { pool: pool(poolId), pfn: hex(pfn), count }),
    poolShutdown: (at, poolId, inflight) => line('poolShutdown', at, { pool: pool(poolId), inflight }),
    poolDestroy: (at, poolId) => line('poolDestroy', at, { pool: pool(poolId) }),
    slabAlloc: (at, phys, size, callSite) =>
      line('slabAlloc', at, {
        phys: hex(phys),
        size,
        callSite: names.stack(callSite).map(({ symbol, address }) => symbol ?? address ?? '?')[0],
      }),
    slabFree: (at, phys) => line('slabFree', at, { phys: hex(phys) }),
    svaBind: (at, deviceId, mm) => line('svaBind', at, { device: device(deviceId), mm }),
    svaUnbind: (at, deviceId, mm) => line('svaUnbind', at, { device: device(deviceId), mm }),
    kernelTableUnlink: (at, pfn) => line('kernelTableUnlink', at, { pfn: hex(pfn) }),
    kernelTableFree: (at, pfn) => line('kernelTableFree', at, { pfn: hex(pfn) }),
    svaInvalidateBegin: (at, start, end) =>
      line('svaInvalidateBegin', at, { start: hex(start), end: hex(end) }),
    svaInvalidateEnd: (at, start, end) => line('svaInvalidateEnd', at, { start: hex(start), end: hex(end) }),
    eventsLost: (cpu, count, sinceNs, untilNs) =>
      put('eventsLost', {
        cpu,
        count: count < 0 ? undefined : count,
        sinceNs: Number.isFinite(sinceNs) ? sinceNs : undefined,
        untilNs: Number.isFinite(untilNs) ? untilNs : undefined,
      }),
  };
}

function directionAndAttrs(direction: number, attrs: number): Record<string, Value> {
  return {
    direction: direction < 0 ? undefined : dmaDirectionName(direction),
    attrs: attrs < 0 ? undefined : dmaAttrNames(attrs),
  };
}

/** Physical addresses of the entries that are known, and how many there were. */
function entries(list: ScatterList): Record<string, Value> {
  return { phys: addresses(list.phys, list.nents), nents: list.fullNents };
}

function addresses(list: Float64Array, count: number): string[] {
  return Array.from(list.subarray(0, count), hex);
}
