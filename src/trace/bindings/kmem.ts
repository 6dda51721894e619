import type { EventField, EventFormat } from '../events/event-format.ts';
import {
  findField,
  type NumberReader,
  numberReader,
  pointer,
  pointerReader,
} from '../events/field-reader.ts';
import { type EventHandler, withRecipe } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';
import { bindSlabEvent } from './slab.ts';

/** `mm_page_alloc` of a failed allocation has `pfn = -1UL` (include/trace/events/kmem.h). */
const NO_PFN_HIGH = 0xffff_ffff;

/**
 * `kmem:mm_page_alloc` and `kmem:mm_page_free`. `mm_page_free_batched` repeats a free that was traced already, with
 * the order always 0, and `mm_page_pcpu_drain` and `mm_page_alloc_zone_locked` move pages inside the allocator: none
 * of them is bound.
 */
export function bindKmemEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const ofSlab = bindSlabEvent(format, context);
  if (ofSlab) return ofSlab;
  const pfnField = findField(format, 'pfn');
  const orderField = findField(format, 'order');
  if (!pfnField || !orderField) return undefined;
  const pfn = pfnReader(pfnField);
  const order = numberReader(orderField);
  const { sink, seen, addresses } = context;
  switch (format.name) {
    case 'mm_page_alloc':
      return withRecipe(
        event => {
          const first = pfn(event);
          if (first < 0) return;
          seen.hasPageAllocator = true;
          if (addresses.isLearning) addresses.pagesHanded(event.context, first, order(event));
          sink.pageAlloc(stamp(context, event), first, order(event));
        },
        { what: 'page alloc', fields: [pfnField, orderField] },
      );
    case 'mm_page_free':
      return withRecipe(
        event => {
          const first = pfn(event);
          if (first < 0) return;
          seen.hasPageAllocator = true;
          sink.pageFree(stamp(context, event), first, order(event));
        },
        { what: 'page free', fields: [pfnField, orderField] },
      );
    default:
      return undefined;
  }
}

function pfnReader(field: EventField): NumberReader {
  const read = pointerReader(field);
  return event => {
    read(event);
    if (pointer.high === NO_PFN_HIGH || (field.size === 4 && pointer.low === NO_PFN_HIGH)) return -1;
    return pointer.high * 0x1_0000_0000 + pointer.low;
  };
}
