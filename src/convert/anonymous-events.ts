import type { KernelEvents, ScatterList } from '../kernel/events.ts';
import { silentEvents } from '../kernel/silent-events.ts';
import type { AddressMap } from './address-map.ts';

/** Takes note of every range of addresses that events name. */
export function noteAddresses(map: AddressMap, pageSize: number): KernelEvents {
  const note = (address: number, size: number): void => map.note(address, size);
  const pages = (pfn: number, count: number): void => map.note(pfn * pageSize, count * pageSize);
  const lists = (list: ScatterList): void => {
    for (let i = 0; i < list.nents; i++) note(list.phys[i] as number, 1);
    for (let i = 0; i < list.ents; i++) note(list.dmaAddr[i] as number, list.length[i] as number);
  };
  return {
    ...silentEvents,
    iommuMap: (_at, _domain, iova, phys, size) => {
      note(iova, size);
      note(phys, size);
    },
    iommuUnmapBegin: (_at, _domain, iova, size) => note(iova, size),
    mappingFound: (_at, _table, _device, iova, phys, size) => {
      note(iova, size);
      note(phys, size);
    },
    iommuUnmapEnd: (_at, _domain, iova, size, unmapped) => note(iova, Math.max(size, unmapped)),
    iotlbFlush: (_at, _domain, iova, size) => {
      if (Number.isFinite(size)) note(iova, size);
    },
    ioPageFault: (_at, _device, iova) => note(iova, 1),
    pageAlloc: (_at, pfn, order) => pages(pfn, 2 ** order),
    pageFree: (_at, pfn, order) => pages(pfn, 2 ** order),
    dmaMap: (_at, _kind, _device, dmaAddr, size, phys) => {
      note(dmaAddr, size);
      if (phys >= 0) note(phys, size);
    },
    dmaUnmap: (_at, _kind, _device, dmaAddr, size) => note(dmaAddr, size),
    dmaMapSg: (_at, _device, list) => lists(list),
    dmaUnmapSg: (_at, _device, list) => lists(list),
    dmaSync: (_at, _device, dmaAddr, size) => note(dmaAddr, size),
    poolHold: (_at, _pool, pfn) => pages(pfn, 1),
    poolRelease: (_at, _pool, pfn) => pages(pfn, 1),
    slabAlloc: (_at, phys, size) => note(phys, size),
    slabFree: (_at, phys) => note(phys, 1),
    kernelTableUnlink: (_at, pfn) => pages(pfn, 1),
    kernelTableFree: (_at, pfn) => pages(pfn, 1),
  };
}

/** Tells `sink` the same events with the new addresses. */
export function withAddresses(map: AddressMap, pageSize: number, sink: KernelEvents): KernelEvents {
  const of = (address: number): number => map.of(address);
  const page = (pfn: number): number => map.of(pfn * pageSize) / pageSize;
  const list = (from: ScatterList): ScatterList => ({
    ...from,
    phys: from.phys.subarray(0, from.nents).map(of),
    dmaAddr: from.dmaAddr.subarray(0, from.ents).map(of),
  });
  return {
    ...sink,
    iommuMap: (at, domain, iova, phys, size, prot) =>
      sink.iommuMap(at, domain, of(iova), of(phys), size, prot),
    iommuUnmapBegin: (at, domain, iova, size) => sink.iommuUnmapBegin(at, domain, of(iova), size),
    iommuUnmapEnd: (at, domain, iova, size, unmapped) =>
      sink.iommuUnmapEnd(at, domain, of(iova), size, unmapped),
    iotlbFlush: (at, domain, iova, size) =>
      sink.iotlbFlush(at, domain, Number.isFinite(size) ? of(iova) : iova, size),
    ioPageFault: (at, device, iova, isWrite, slackNs) =>
      sink.ioPageFault(at, device, of(iova), isWrite, slackNs),
    mappingFound: (at, table, device, iova, phys, size) =>
      sink.mappingFound(at, table, device, of(iova), of(phys), size),
    pageAlloc: (at, pfn, order) => sink.pageAlloc(at, page(pfn), order),
    pageFree: (at, pfn, order) => sink.pageFree(at, page(pfn), order),
    dmaMap: (at, kind, device, dmaAddr, size, phys, direction, attrs) =>
      sink.dmaMap(at, kind, device, of(dmaAddr), size, phys < 0 ? phys : of(phys), direction, attrs),
    dmaUnmap: (at, kind, device, dmaAddr, size, direction, attrs) =>
      sink.dmaUnmap(at, kind, device, of(dmaAddr), size, direction, attrs),
    dmaMapSg: (at, device, from, direction, attrs) => sink.dmaMapSg(at, device, list(from), direction, attrs),
    dmaUnmapSg: (at, device, from, direction, attrs) =>
      sink.dmaUnmapSg(at, device, list(from), direction, attrs),
    dmaSync: (at, device, dmaAddr, size, direction) => sink.dmaSync(at, device, of(dmaAddr), size, direction),
    poolHold: (at, pool, pfn, count) => sink.poolHold(at, pool, page(pfn), count),
    poolRelease: (at, pool, pfn, count) => sink.poolRelease(at, pool, page(pfn), count),
    slabAlloc: (at, phys, size, callSite) => sink.slabAlloc(at, of(phys), size, callSite),
    slabFree: (at, phys) => sink.slabFree(at, of(phys)),
    kernelTableUnlink: (at, pfn) => sink.kernelTableUnlink(at, page(pfn)),
    kernelTableFree: (at, pfn) => sink.kernelTableFree(at, page(pfn)),
    // Kernel addresses say where the kernel is: only how long the range is matters.
    svaInvalidateBegin: (at, start, end) => sink.svaInvalidateBegin(at, 0, end - start),
    svaInvalidateEnd: (at, start, end) => sink.svaInvalidateEnd(at, 0, end - start),
  };
}
