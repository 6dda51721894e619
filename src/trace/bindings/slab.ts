import { silentEvents } from '../../kernel/silent-events.ts';
import type { EventFormat } from '../events/event-format.ts';
import { findField, numberReader, pointer, pointerReader } from '../events/field-reader.ts';
import type { EventHandler } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';

/** Names of the events; Linux before 6.1 has variants for a NUMA node. */
const ALLOCATIONS = new Set(['kmalloc', 'kmem_cache_alloc', 'kmalloc_node', 'kmem_cache_alloc_node']);
const FREES = new Set(['kfree', 'kmem_cache_free']);

/**
 * `kmem:kmalloc`, `kmem:kfree` and their kin, include/trace/events/kmem.h. They are many: where nobody wants to hear of
 * them, only that they are there is noted.
 */
export function bindSlabEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  if (ALLOCATIONS.has(format.name)) return bindAllocation(format, context);
  if (FREES.has(format.name)) return bindFree(format, context);
  return undefined;
}

function bindAllocation(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const objectField = findField(format, 'ptr');
  const siteField = findField(format, 'call_site');
  const sizeField = findField(format, 'bytes_alloc');
  if (!objectField || !siteField || !sizeField || context.longSize !== 8) return undefined;
  const { sink, seen, addresses, names } = context;
  if (sink.slabAlloc === silentEvents.slabAlloc) return () => noteSlab(context);
  const object = pointerReader(objectField);
  const site = pointerReader(siteField);
  const size = numberReader(sizeField);
  return event => {
    object(event);
    if (pointer.high === 0) return;
    const phys = addresses.physOfObject();
    if (phys < 0) {
      addresses.objectHanded(event.context);
      return;
    }
    seen.hasSlab = true;
    site(event);
    const callSite = names.stacks.internFrame(pointer.high, pointer.low);
    sink.slabAlloc(stamp(context, event), phys, size(event), callSite);
  };
}

function bindFree(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const objectField = findField(format, 'ptr');
  if (!objectField || context.longSize !== 8) return undefined;
  const { sink, addresses } = context;
  if (sink.slabFree === silentEvents.slabFree) return () => noteSlab(context);
  const object = pointerReader(objectField);
  return event => {
    object(event);
    if (pointer.high === 0) return;
    const phys = addresses.physOfObject();
    if (phys >= 0) sink.slabFree(stamp(context, event), phys);
  };
}

function noteSlab(context: BindingContext): void {
  context.seen.hasSlab = true;
}
