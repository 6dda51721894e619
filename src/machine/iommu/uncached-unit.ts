import type { WordBus } from '../memory/physical-memory.ts';
import { resetGather } from '../page-tables/iotlb-gather.ts';
import { newWalkEntry } from '../page-tables/page-table.ts';
import type { IommuDomain } from './domain.ts';
import type { IommuUnit, IommuUnitHost, Translation } from './iommu-unit.ts';

/** No format has more levels; a longer walk goes in circles through memory that is no table any more. */
const MOST_LEVELS = 8;

/** An IOMMU without any cache: every access walks the tables, and a flush has nothing to do but to be told. */
export function uncachedUnit(host: IommuUnitHost): IommuUnit {
  const attached = new Map<number, { domain: IommuDomain; bus: WordBus }>();
  const entry = newWalkEntry();

  function walk({ domain, bus }: { domain: IommuDomain; bus: WordBus }, iova: number): boolean {
    const table = domain.pageTable;
    if (!table) return false;
    let { phys, level } = table.root();
    for (let depth = 0; depth < MOST_LEVELS; depth++) {
      table.readEntry(bus, phys, level, iova, entry);
      if (entry.kind !== 'table') return entry.kind === 'leaf';
      phys = entry.phys;
      level = entry.nextLevel;
    }
    return false;
  }

  return {
    attach(device, domain) {
      attached.set(device, { domain, bus: host.busOf(device) });
    },
    detach(device) {
      attached.delete(device);
    },
    translate(device, iova, isWrite, into) {
      const target = attached.get(device);
      into.fromCache = false;
      into.fault = undefined;
      if (!target || target.domain.type === 'blocked') {
        into.fault = 'blocked';
      } else if (target.domain.type === 'identity') {
        identity(iova, into);
      } else if (!walk(target, iova)) {
        into.fault = 'not-present';
      } else if (isWrite ? !entry.writable : !entry.readable) {
        into.fault = isWrite ? 'not-writable' : 'not-readable';
      } else {
        into.phys = entry.phys + iova - entry.iova;
        into.contiguous = entry.iova + entry.size - iova;
        into.stamp = host.stampOf(target.domain, iova, into.phys);
      }
    },
    sync(domain, gather) {
      host.freeTables(gather.freelist);
      if (gather.start < gather.end) host.flushed(domain, gather.start, gather.end - gather.start);
      resetGather(gather);
    },
    flushAll(domain) {
      host.flushed(domain, 0, Number.POSITIVE_INFINITY);
    },
    forEachCached() {},
    flushWalk() {},
  };
}

function identity(iova: number, into: Translation): void {
  into.phys = iova;
  into.contiguous = Number.POSITIVE_INFINITY;
  into.stamp = Number.POSITIVE_INFINITY;
}
