import { EINVAL, EIO } from '../errno.ts';
import type { MapResult, PageTable } from '../page-tables/page-table.ts';
import type { Kernel } from '../threads/thread.ts';
import type { IommuContext } from './context.ts';
import { type IommuDomain, isPaging } from './domain.ts';
import { iommuPgsize, isAligned, lowestBit } from './pgsize.ts';
import { STOP } from './stops.ts';
import { iommuUnmap } from './unmap.ts';

/**
 * `iommu_map()`: maps and lets the hardware know.
 *
 * @returns 0 or a negated errno, after which nothing of the range is mapped
 */
export function* iommuMap(
  k: IommuContext,
  domain: IommuDomain,
  iova: number,
  phys: number,
  size: number,
  prot: number,
): Kernel<number> {
  const { emission, faults } = k;
  const caller = emission.enter(emission.names.stacks.symbol('iommu_map'));
  let error = yield* iommuMapNosync(k, domain, iova, phys, size, prot);
  // iommu_sync_map()
  if (error === 0 && faults.syncMapFails) {
    faults.syncMapFails = false;
    error = -EIO;
    if (k.rules.undoesUnsyncedMap) yield* iommuUnmap(k, domain, iova, size);
  }
  emission.leave(caller);
  return error;
}

/**
 * `iommu_map_nosync()`: the one way into the page tables. Events and sanitizer are told what was mapped, which is less
 * than was asked for where it fails midway; that is unmapped again at once.
 */
export function* iommuMapNosync(
  k: IommuContext,
  domain: IommuDomain,
  iova: number,
  phys: number,
  size: number,
  prot: number,
): Kernel<number> {
  const { emission, log, rules, truth, sanitizer, costs } = k;
  if (!isPaging(domain)) {
    log.warnOnce('iommu_map_nosync', 'not a paging domain');
    return -EINVAL;
  }
  const caller = emission.enter(emission.names.stacks.symbol('iommu_map_nosync'));
  k.spend(costs.call);
  const result: MapResult = { error: 0, mapped: 0 };
  mapInTables(k, domain.pageTable, iova, phys, size, prot, result);
  const { error, mapped } = result;
  truth.mapped(domain.id, iova, phys, mapped);
  yield STOP.mapTranslates;
  const told = rules.tellsWhatWasMapped ? mapped : size;
  emission.sink.iommuMap(emission.moment(), domain.id, iova, phys, told, prot);
  sanitizer?.map(domain, phys, told);
  if (error !== 0 && rules.undoesFailedMap) yield* iommuUnmap(k, domain, iova, mapped);
  emission.leave(caller);
  return error;
}

/** generic_pt gets the whole range, io-pgtable runs of equal pages. */
function mapInTables(
  k: IommuContext,
  table: PageTable,
  iova: number,
  phys: number,
  size: number,
  prot: number,
  result: MapResult,
): void {
  if (table.driver === 'generic-pt') {
    table.mapRange(iova, phys, size, prot, result);
    k.spend(k.costs.entry);
    return;
  }
  const smallest = lowestBit(table.pgsizeBitmap);
  if (!isAligned(iova, smallest) || !isAligned(phys, smallest) || !isAligned(size, smallest)) {
    k.log.say(
      'err',
      'iommu_map_nosync',
      `unaligned: iova 0x${iova.toString(16)} size 0x${size.toString(16)}`,
    );
    result.error = -EINVAL;
    return;
  }
  const run = { pageSize: 0, pageCount: 0 };
  const step: MapResult = { error: 0, mapped: 0 };
  while (result.mapped < size && result.error === 0) {
    const done = result.mapped;
    iommuPgsize(table.pgsizeBitmap, iova + done, phys + done, size - done, run);
    step.error = 0;
    step.mapped = 0;
    table.mapPages(iova + done, phys + done, run.pageSize, run.pageCount, prot, step);
    k.spend(k.costs.entry * run.pageCount);
    result.mapped += step.mapped;
    result.error = step.error;
  }
}
