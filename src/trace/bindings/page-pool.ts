import type { EventFormat } from '../events/event-format.ts';
import { findField, numberReader, pointerReader } from '../events/field-reader.ts';
import type { EventHandler } from '../events/raw-event.ts';
import { type BindingContext, poolReader, stamp } from './context.ts';

/** `page_pool:*`, include/trace/events/page_pool.h. `pfn` is 0 for memory that is no page (net_iov). */
export function bindPagePoolEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const poolField = findField(format, 'pool');
  if (!poolField) return undefined;
  const pool = poolReader(context, poolField);
  const { sink, seen, addresses } = context;
  switch (format.name) {
    case 'page_pool_state_hold': {
      const pfnField = findField(format, 'pfn');
      const countField = findField(format, 'hold');
      if (!pfnField || !countField) return undefined;
      const pfn = numberReader(pfnField);
      const count = numberReader(countField);
      const netmemField = findField(format, 'netmem', 'page');
      const netmem = netmemField && pointerReader(netmemField);
      return event => {
        seen.hasPagePool = true;
        netmem?.(event);
        if (netmem) addresses.pageKnown(pfn(event));
        sink.poolHold(stamp(context, event), pool(event), pfn(event), count(event));
      };
    }
    case 'page_pool_state_release': {
      const pfnField = findField(format, 'pfn');
      const countField = findField(format, 'release');
      if (!pfnField || !countField) return undefined;
      const pfn = numberReader(pfnField);
      const count = numberReader(countField);
      return event => {
        seen.hasPagePool = true;
        sink.poolRelease(stamp(context, event), pool(event), pfn(event), count(event));
      };
    }
    case 'page_pool_release': {
      const inflightField = findField(format, 'inflight');
      if (!inflightField) return undefined;
      const inflight = numberReader(inflightField);
      return event => {
        seen.hasPagePool = true;
        sink.poolShutdown(stamp(context, event), pool(event), inflight(event));
      };
    }
    default:
      return undefined;
  }
}
