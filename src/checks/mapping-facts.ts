import { UNKNOWN } from '../kernel/events.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';

/** Whether the first page of a mapping is in a page_pool, which maps its pages one by one and each as a whole. */
export function isOfPool(shadow: Shadow, id: number): boolean {
  return shadow.pools.pagesHeld > 0 && shadow.pools.holderOf(firstPage(shadow, id)) !== UNKNOWN;
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
