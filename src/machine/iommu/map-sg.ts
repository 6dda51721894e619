import type { Kernel } from '../threads/thread.ts';
import type { IommuContext } from './context.ts';
import type { IommuDomain } from './domain.ts';
import { iommuMapNosync } from './map.ts';
import { iommuUnmap } from './unmap.ts';

/** One entry of a scatterlist: physically contiguous memory. */
export interface SgEntry {
  readonly phys: number;
  readonly size: number;
}

/**
 * `iommu_map_sg()`: one map for each physically contiguous run of entries, one after the other from `iova` on.
 *
 * @returns bytes mapped, or a negated errno, after which the runs that were mapped are unmapped again; the run that
 *   failed has undone itself
 */
export function* iommuMapSg(
  k: IommuContext,
  domain: IommuDomain,
  iova: number,
  list: readonly SgEntry[],
  prot: number,
): Kernel<number> {
  const { emission } = k;
  const caller = emission.enter(emission.names.stacks.symbol('iommu_map_sg'));
  let mapped = 0;
  let error = 0;
  for (const { phys, size } of contiguousRuns(list)) {
    error = yield* iommuMapNosync(k, domain, iova + mapped, phys, size, prot);
    if (error !== 0) break;
    mapped += size;
  }
  if (error !== 0) yield* iommuUnmap(k, domain, iova, mapped);
  emission.leave(caller);
  return error === 0 ? mapped : error;
}

/** Entries that follow each other in memory, joined. */
export function contiguousRuns(list: readonly SgEntry[]): SgEntry[] {
  const runs: { phys: number; size: number }[] = [];
  for (const { phys, size } of list) {
    const last = runs.at(-1);
    if (last !== undefined && last.phys + last.size === phys) last.size += size;
    else runs.push({ phys, size });
  }
  return runs;
}
