import type { EventFormat } from '../events/event-format.ts';
import { findProbeFields, isReturnProbe, type Meaning } from './probe-fields.ts';

/** What a probe is taken for: its arguments have these meanings, and its name is like this. */
interface Guess {
  readonly function: string;
  readonly has: readonly Meaning[];
  readonly name?: RegExp;
}

/** The first that fits. A function stands for all that are bound like it. */
const GUESSES: readonly Guess[] = [
  { function: 'iommu_map_nosync', has: ['domain', 'iova', 'phys', 'size'] },
  { function: 'intel_iommu_tlb_sync', has: ['domain', 'start', 'end'] },
  { function: '__iommu_unmap', has: ['domain', 'iova', 'size'] },
  { function: 'really_probe', has: ['device', 'driver'] },
  { function: 'bus_notify', has: ['device', 'stage'] },
  { function: 'iommu_sva_bind_device', has: ['device', 'mm'] },
  { function: 'page_pool_create_percpu', has: ['pool'], name: /create|new|alloc/ },
  { function: 'page_pool_destroy', has: ['pool'] },
  { function: 'iommu_paging_domain_alloc_flags', has: [], name: /dom(ain)?_?(alloc|new)/ },
  { function: 'iommu_domain_free', has: ['domain'], name: /free/ },
  { function: 'intel_iommu_tlb_sync', has: ['domain'], name: /sync/ },
  { function: 'intel_flush_iotlb_all', has: ['domain'], name: /flush|fq/ },
  { function: 'iommu_setup_dma_ops', has: ['device', 'domain'] },
  { function: 'device_unbind_cleanup', has: ['device'], name: /unbind|cleanup|release/ },
  { function: 'iommu_dma_map_page', has: ['device'], name: /map/ },
  { function: 'iommu_sva_invalidate_kva_range', has: ['start', 'end'] },
  { function: 'iommu_sva_unbind_device', has: ['handle'] },
  { function: 'pagetable_free_kernel', has: ['page'] },
];

/** Of a return probe that has the result alone, only the name tells. */
const RETURNS: readonly Guess[] = [
  { function: '__iommu_unmap', has: ['result'], name: /unmap|um_/ },
  { function: 'iommu_map_nosync', has: ['result'], name: /map/ },
  { function: 'iommu_sva_bind_device', has: ['result'], name: /sva|bind/ },
];

/** Every meaning, for one that a field may have; a field that could have two goes to the earlier. */
const MEANINGS: readonly Meaning[] = [
  ...(['domain', 'iova', 'phys', 'size', 'prot', 'device', 'driver', 'stage'] as const),
  ...(['pool', 'start', 'end', 'mm', 'handle', 'page', 'result'] as const),
];

/**
 * The function that a probe probably sits on, by the meaning of its arguments and by its name: `trace-cmd report` and
 * perf.data have the place of a probe as an address, and no symbols to find it by.
 */
export function guessFunction(format: EventFormat): string | undefined {
  const fields = findProbeFields(format, MEANINGS, []) ?? {};
  const fits = ({ has, name }: Guess): boolean =>
    has.every(meaning => fields[meaning] !== undefined) && (name?.test(format.name) ?? true);
  const guess = GUESSES.find(fits) ?? (isReturnProbe(format) ? RETURNS.find(fits) : undefined);
  return guess?.function;
}
