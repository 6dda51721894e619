import { type IotlbGather, newGather } from '../page-tables/iotlb-gather.ts';
import type { PageTable } from '../page-tables/page-table.ts';
import type { Kernel } from '../threads/thread.ts';
import type { IommuContext } from './context.ts';
import { type IommuDomain, isPaging } from './domain.ts';
import { iommuPgsize, isAligned, lowestBit } from './pgsize.ts';
import { STOP } from './stops.ts';

/**
 * `iommu_unmap()`: unmaps and flushes.
 *
 * @returns bytes that are gone, which may be fewer or more than `size`
 */
export function* iommuUnmap(
  k: IommuContext,
  domain: IommuDomain,
  iova: number,
  size: number,
): Kernel<number> {
  const { emission } = k;
  const caller = emission.enter(emission.names.stacks.symbol('iommu_unmap'));
  const gather = newGather();
  const unmapped = yield* unmapCore(k, domain, iova, size, gather);
  yield STOP.unmapUnflushed;
  iotlbSync(k, domain, gather);
  emission.leave(caller);
  return unmapped;
}

/** `iommu_unmap_fast()`: the caller flushes what was gathered, with {@link iotlbSync}. */
export function* iommuUnmapFast(
  k: IommuContext,
  domain: IommuDomain,
  iova: number,
  size: number,
  gather: IotlbGather,
): Kernel<number> {
  const { emission } = k;
  const caller = emission.enter(emission.names.stacks.symbol('iommu_unmap_fast'));
  const unmapped = yield* unmapCore(k, domain, iova, size, gather);
  emission.leave(caller);
  return unmapped;
}

/** `iommu_iotlb_sync()`: the driver is asked only where something was gathered. */
export function iotlbSync(k: IommuContext, domain: IommuDomain, gather: IotlbGather): void {
  if (gather.start >= gather.end) return;
  k.spend(k.costs.flush);
  k.unit.sync(domain, gather);
}

/** `__iommu_unmap()`: the one way out of the page tables. All accounting is before the flush. */
function* unmapCore(
  k: IommuContext,
  domain: IommuDomain,
  iova: number,
  size: number,
  gather: IotlbGather,
): Kernel<number> {
  const { emission, log, sanitizer, costs } = k;
  if (!isPaging(domain)) {
    log.warnOnce('__iommu_unmap', 'not a paging domain');
    return 0;
  }
  const caller = emission.enter(emission.names.stacks.symbol('__iommu_unmap'));
  k.spend(costs.call);
  emission.sink.iommuUnmapBegin(emission.moment(), domain.id, iova, size);
  sanitizer?.unmapBegin(domain, iova, size);
  yield STOP.unmapCounted;
  const unmapped = unmapInTables(k, domain.pageTable, iova, size, gather);
  emission.sink.iommuUnmapEnd(emission.moment(), domain.id, iova, size, unmapped);
  sanitizer?.unmapEnd(domain, iova, size, unmapped);
  emission.leave(caller);
  return unmapped;
}

function unmapInTables(
  k: IommuContext,
  table: PageTable,
  iova: number,
  size: number,
  gather: IotlbGather,
): number {
  if (table.driver === 'generic-pt') {
    k.spend(k.costs.entry);
    return table.unmapRange(iova, size, gather);
  }
  const smallest = lowestBit(table.pgsizeBitmap);
  if (!isAligned(iova, smallest) || !isAligned(size, smallest)) {
    k.log.say('err', '__iommu_unmap', `unaligned: iova 0x${iova.toString(16)} size 0x${size.toString(16)}`);
    return 0;
  }
  const run = { pageSize: 0, pageCount: 0 };
  let unmapped = 0;
  while (unmapped < size) {
    iommuPgsize(table.pgsizeBitmap, iova + unmapped, iova + unmapped, size - unmapped, run);
    const bytes = table.unmapPages(iova + unmapped, run.pageSize, run.pageCount, gather);
    k.spend(k.costs.entry * run.pageCount);
    if (bytes === 0) break;
    unmapped += bytes;
  }
  return unmapped;
}
