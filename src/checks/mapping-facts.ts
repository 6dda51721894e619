import { UNKNOWN } from '../kernel/events.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';

/** Whether a mapping is of a page_pool, which maps its pages one by one and each as a whole. */
export function isOfPool(shadow: Shadow, id: number): boolean {
  return poolOf(shadow, id) !== UNKNOWN;
}

/** The page_pool that a mapping belongs to, or {@link UNKNOWN}: also of a page that another pool holds by now. */
export function poolOf(shadow: Shadow, id: number): number {
  const { pools, mappings } = shadow;
  return pools.isEmpty ? UNKNOWN : pools.holderOfMapping(firstPage(shadow, id), mappings.timeOf(id));
}

/** Number of the page that a mapping begins in. */
export function firstPage(shadow: Shadow, id: number): number {
  return Math.floor(((shadow.mappings.frame[id] as number) * FRAME_SIZE) / shadow.pageSize);
}

/** Bytes that are left of mappings; all of one that is about to be gone. */
export function bytesLeft(shadow: Shadow, ids: readonly number[]): number {
  const { left, pages } = shadow.mappings;
  return ids.reduce((sum, id) => sum + ((left[id] as number) || (pages[id] as number)) * FRAME_SIZE, 0);
}
