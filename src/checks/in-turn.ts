import type { KernelEvents } from '../kernel/events.ts';
import type { Check } from './check.ts';

/**
 * One `KernelEvents` of many: each event goes to the checks that judge it, in their order, and then to `last`. A list
 * for each kind of frequent event is made once; most are short or empty.
 */
export function inTurn(checks: readonly Check[], last: KernelEvents): KernelEvents {
  const iommuMap = checks.flatMap(check => check.iommuMap?.bind(check) ?? []);
  const iommuUnmapBegin = checks.flatMap(check => check.iommuUnmapBegin?.bind(check) ?? []);
  const iommuUnmapEnd = checks.flatMap(check => check.iommuUnmapEnd?.bind(check) ?? []);
  const pageAlloc = checks.flatMap(check => check.pageAlloc?.bind(check) ?? []);
  const pageFree = checks.flatMap(check => check.pageFree?.bind(check) ?? []);
  const dmaMap = checks.flatMap(check => check.dmaMap?.bind(check) ?? []);
  const dmaUnmap = checks.flatMap(check => check.dmaUnmap?.bind(check) ?? []);
  const slabAlloc = checks.flatMap(check => check.slabAlloc?.bind(check) ?? []);
  const slabFree = checks.flatMap(check => check.slabFree?.bind(check) ?? []);
  return {
    iommuMap(at, domain, iova, phys, size, prot) {
      for (let i = 0; i < iommuMap.length; i++) iommuMap[i]?.(at, domain, iova, phys, size, prot);
      last.iommuMap(at, domain, iova, phys, size, prot);
    },
    iommuUnmapBegin(at, domain, iova, size) {
      for (let i = 0; i < iommuUnmapBegin.length; i++) iommuUnmapBegin[i]?.(at, domain, iova, size);
      last.iommuUnmapBegin(at, domain, iova, size);
    },
    iommuUnmapEnd(at, domain, iova, size, unmapped) {
      for (let i = 0; i < iommuUnmapEnd.length; i++) iommuUnmapEnd[i]?.(at, domain, iova, size, unmapped);
      last.iommuUnmapEnd(at, domain, iova, size, unmapped);
    },
    iotlbFlush(at, domain, iova, size) {
      for (const check of checks) check.iotlbFlush?.(at, domain, iova, size);
      last.iotlbFlush(at, domain, iova, size);
    },
    ioPageFault(at, device, iova, isWrite, slackNs) {
      for (const check of checks) check.ioPageFault?.(at, device, iova, isWrite, slackNs);
      last.ioPageFault(at, device, iova, isWrite, slackNs);
    },
    domainAlloc(at, domain, device) {
      for (const check of checks) check.domainAlloc?.(at, domain, device);
      last.domainAlloc(at, domain, device);
    },
    domainAttach(at, domain, device) {
      for (const check of checks) check.domainAttach?.(at, domain, device);
      last.domainAttach(at, domain, device);
    },
    domainFree(at, domain) {
      for (const check of checks) check.domainFree?.(at, domain);
      last.domainFree(at, domain);
    },
    pageAlloc(at, pfn, order) {
      for (let i = 0; i < pageAlloc.length; i++) pageAlloc[i]?.(at, pfn, order);
      last.pageAlloc(at, pfn, order);
    },
    pageFree(at, pfn, order) {
      for (let i = 0; i < pageFree.length; i++) pageFree[i]?.(at, pfn, order);
      last.pageFree(at, pfn, order);
    },
    dmaMapBegin(at, device) {
      for (const check of checks) check.dmaMapBegin?.(at, device);
      last.dmaMapBegin(at, device);
    },
    dmaMap(at, kind, device, dmaAddr, size, phys, direction, attrs) {
      for (let i = 0; i < dmaMap.length; i++)
        dmaMap[i]?.(at, kind, device, dmaAddr, size, phys, direction, attrs);
      last.dmaMap(at, kind, device, dmaAddr, size, phys, direction, attrs);
    },
    dmaUnmap(at, kind, device, dmaAddr, size, direction, attrs) {
      for (let i = 0; i < dmaUnmap.length; i++)
        dmaUnmap[i]?.(at, kind, device, dmaAddr, size, direction, attrs);
      last.dmaUnmap(at, kind, device, dmaAddr, size, direction, attrs);
    },
    dmaMapSg(at, device, list, direction, attrs) {
      for (const check of checks) check.dmaMapSg?.(at, device, list, direction, attrs);
      last.dmaMapSg(at, device, list, direction, attrs);
    },
    dmaUnmapSg(at, device, list, direction, attrs) {
      for (const check of checks) check.dmaUnmapSg?.(at, device, list, direction, attrs);
      last.dmaUnmapSg(at, device, list, direction, attrs);
    },
    dmaSync(at, device, dmaAddr, size, direction) {
      for (const check of checks) check.dmaSync?.(at, device, dmaAddr, size, direction);
      last.dmaSync(at, device, dmaAddr, size, direction);
    },
    stateBegin(at) {
      for (const check of checks) check.stateBegin?.(at);
      last.stateBegin(at);
    },
    mappingFound(at, table, device, iova, phys, size) {
      for (const check of checks) check.mappingFound?.(at, table, device, iova, phys, size);
      last.mappingFound(at, table, device, iova, phys, size);
    },
    stateEnd(at) {
      for (const check of checks) check.stateEnd?.(at);
      last.stateEnd(at);
    },
    driverFound(at, device, driver) {
      for (const check of checks) check.driverFound?.(at, device, driver);
      last.driverFound(at, device, driver);
    },
    driverProbe(at, device, driver) {
      for (const check of checks) check.driverProbe?.(at, device, driver);
      last.driverProbe(at, device, driver);
    },
    driverCleanup(at, device) {
      for (const check of checks) check.driverCleanup?.(at, device);
      last.driverCleanup(at, device);
    },
    driverUnbound(at, device) {
      for (const check of checks) check.driverUnbound?.(at, device);
      last.driverUnbound(at, device);
    },
    poolCreate(at, pool, device) {
      for (const check of checks) check.poolCreate?.(at, pool, device);
      last.poolCreate(at, pool, device);
    },
    poolHold(at, pool, pfn, count) {
      for (const check of checks) check.poolHold?.(at, pool, pfn, count);
      last.poolHold(at, pool, pfn, count);
    },
    poolRelease(at, pool, pfn, count) {
      for (const check of checks) check.poolRelease?.(at, pool, pfn, count);
      last.poolRelease(at, pool, pfn, count);
    },
    poolShutdown(at, pool, inflight) {
      for (const check of checks) check.poolShutdown?.(at, pool, inflight);
      last.poolShutdown(at, pool, inflight);
    },
    poolDestroy(at, pool) {
      for (const check of checks) check.poolDestroy?.(at, pool);
      last.poolDestroy(at, pool);
    },
    // A source need not decode what nobody wants to hear of.
    slabAlloc:
      slabAlloc.length === 0
        ? last.slabAlloc
        : (at, phys, size, callSite) => {
            for (let i = 0; i < slabAlloc.length; i++) slabAlloc[i]?.(at, phys, size, callSite);
            last.slabAlloc(at, phys, size, callSite);
          },
    slabFree:
      slabFree.length === 0
        ? last.slabFree
        : (at, phys) => {
            for (let i = 0; i < slabFree.length; i++) slabFree[i]?.(at, phys);
            last.slabFree(at, phys);
          },
    svaBind(at, device, mm) {
      for (const check of checks) check.svaBind?.(at, device, mm);
      last.svaBind(at, device, mm);
    },
    svaUnbind(at, device, mm) {
      for (const check of checks) check.svaUnbind?.(at, device, mm);
      last.svaUnbind(at, device, mm);
    },
    kernelTableUnlink(at, pfn) {
      for (const check of checks) check.kernelTableUnlink?.(at, pfn);
      last.kernelTableUnlink(at, pfn);
    },
    kernelTableFree(at, pfn) {
      for (const check of checks) check.kernelTableFree?.(at, pfn);
      last.kernelTableFree(at, pfn);
    },
    svaInvalidateBegin(at, start, end) {
      for (const check of checks) check.svaInvalidateBegin?.(at, start, end);
      last.svaInvalidateBegin(at, start, end);
    },
    svaInvalidateEnd(at, start, end) {
      for (const check of checks) check.svaInvalidateEnd?.(at, start, end);
      last.svaInvalidateEnd(at, start, end);
    },
    eventsLost(cpu, count, sinceNs, untilNs) {
      for (const check of checks) check.eventsLost?.(cpu, count, sinceNs, untilNs);
      last.eventsLost(cpu, count, sinceNs, untilNs);
    },
  };
}
