import type { Rule } from '../findings/rule.ts';
import { allocWhileMapped } from './alloc-while-mapped.ts';
import type { CheckDefinition } from './check.ts';
import { dmaOverlap } from './dma-overlap.ts';
import { dmaSyncDirection } from './dma-sync-direction.ts';
import { dmaSyncRange } from './dma-sync-range.ts';
import { dmaSyncUnmapped } from './dma-sync-unmapped.ts';
import { dmaUnmapUnknown } from './dma-unmap-unknown.ts';
import { dmaWrongAttrs } from './dma-wrong-attrs.ts';
import { dmaWrongDevice } from './dma-wrong-device.ts';
import { dmaWrongDirection } from './dma-wrong-direction.ts';
import { dmaWrongFunction } from './dma-wrong-function.ts';
import { dmaWrongSg } from './dma-wrong-sg.ts';
import { dmaWrongSize } from './dma-wrong-size.ts';
import { domainFreedLive } from './domain-freed-live.ts';
import { faultAfterUnmap } from './fault-after-unmap.ts';
import { freeWhileMapped } from './free-while-mapped.ts';
import { kernelPageTableUnlinkOrder } from './kernel-page-table-unlink-order.ts';
import { longUnmap } from './long-unmap.ts';
import { mapFreePage } from './map-free-page.ts';
import { mapOverLive } from './map-over-live.ts';
import { mappingLeak } from './mapping-leak.ts';
import { multipleMap } from './multiple-map.ts';
import { pagePoolFreedPage } from './page-pool-freed-page.ts';
import { pagePoolInflight } from './page-pool-inflight.ts';
import { pagePoolUnbind } from './page-pool-unbind.ts';
import { refcount } from './refcount.ts';
import { staleIotlb } from './stale-iotlb.ts';
import { staleKernelPageTable } from './stale-kernel-page-table.ts';
import { subpageExposure } from './subpage-exposure.ts';
import { unbindLeak } from './unbind-leak.ts';
import { unmapAfterUnbind } from './unmap-after-unbind.ts';
import { unmapLargerThanRequested } from './unmap-larger-than-requested.ts';
import { unmapSmallerThanRequested } from './unmap-smaller-than-requested.ts';
import { unmapUnmapped } from './unmap-unmapped.ts';

/** Every check, the page rules first. */
export const ALL_CHECKS: readonly CheckDefinition[] = [
  freeWhileMapped,
  allocWhileMapped,
  mapFreePage,
  unmapLargerThanRequested,
  unmapSmallerThanRequested,
  unmapUnmapped,
  mapOverLive,
  domainFreedLive,
  unbindLeak,
  unmapAfterUnbind,
  mappingLeak,
  faultAfterUnmap,
  staleIotlb,
  longUnmap,
  staleKernelPageTable,
  kernelPageTableUnlinkOrder,
  pagePoolInflight,
  pagePoolUnbind,
  pagePoolFreedPage,
  dmaWrongSize,
  dmaWrongDirection,
  dmaWrongFunction,
  dmaWrongDevice,
  dmaWrongAttrs,
  dmaWrongSg,
  dmaUnmapUnknown,
  dmaSyncUnmapped,
  dmaSyncRange,
  dmaSyncDirection,
  dmaOverlap,
  multipleMap,
  subpageExposure,
  refcount,
];

/** Those that are at work unless others are asked for. */
export const DEFAULT_CHECKS: readonly CheckDefinition[] = ALL_CHECKS.filter(
  ({ rule }) => !rule.isOffByDefault,
);

/** The rules of {@link ALL_CHECKS}. */
export const RULES: readonly Rule[] = ALL_CHECKS.map(({ rule }) => rule);
