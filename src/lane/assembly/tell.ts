import {
  DMA_MAP,
  DMA_MAP_BEGIN,
  DMA_UNMAP,
  EVENT,
  LOUD_ALLOC,
  LOUD_FREE,
  MAP_ENTRY,
  MAP_RETURN,
  MAP_TRACEPOINT,
  PAGE_ALLOC,
  PAGE_FREE_EVENT,
  R_WHAT,
  R_WIDE,
  UNMAP_ENTRY,
  UNMAP_RETURN,
  UNMAP_TRACEPOINT,
} from './board';
import { intAt } from './memory';
import * as pages from './pages';
import { areNarrow, isAtPlace } from './recipe';
import { dmaMap, dmaMapBegin, dmaUnmap } from './tell-dma';
import { mapEntry, mapReturn, mapTracepoint, unmapEntry, unmapReturn, unmapTracepoint } from './tell-iommu';
import { pageEvent } from './tell-pages';

// Tells the ordinary cases of the usual events to the tables. Each function first looks whether the case is one, and only
// then changes anything. They return 0 when the event is told, EVENT when it is the host's, or NEW_... when the lane lacks
// a number.

export function tell(recipe: usize): i32 {
  const wideFields = intAt(recipe, R_WIDE);
  if (wideFields !== 0 && !areNarrow(recipe, wideFields)) return EVENT;
  switch (intAt(recipe, R_WHAT)) {
    case MAP_ENTRY:
      return isAtPlace(recipe) ? mapEntry(recipe) : EVENT;
    case MAP_TRACEPOINT:
      return mapTracepoint(recipe);
    case MAP_RETURN:
      return isAtPlace(recipe) ? mapReturn() : EVENT;
    case UNMAP_ENTRY:
      return isAtPlace(recipe) ? unmapEntry(recipe) : EVENT;
    case UNMAP_TRACEPOINT:
      return unmapTracepoint(recipe);
    case UNMAP_RETURN:
      return isAtPlace(recipe) ? unmapReturn() : EVENT;
    case DMA_MAP_BEGIN:
      return isAtPlace(recipe) ? dmaMapBegin(recipe) : EVENT;
    case PAGE_ALLOC:
      return pageEvent(recipe, pages.ALLOC, LOUD_ALLOC);
    case PAGE_FREE_EVENT:
      return pageEvent(recipe, pages.FREE, LOUD_FREE);
    case DMA_MAP:
      return dmaMap(recipe);
    case DMA_UNMAP:
      return dmaUnmap(recipe);
    default:
      return EVENT;
  }
}
