import type { EventFormat } from '../events/event-format.ts';
import { findField, numberReader, pointer } from '../events/field-reader.ts';
import type { EventHandler, RawEvent } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';
import { isReturnProbe } from './probe-fields.ts';

/** Bytes of a pointer to a page: the probe is for 64-bit kernels. */
const POINTER_BYTES = 8;

/** Words of the longest array that a probe records (63 entries, kernel/trace/trace_probe.h). */
const LONGEST = 2 * 64;

/** A call that is going on: what the caller's array held when it began. */
interface BulkCall {
  readonly words: Uint32Array;
  entries: number;
}

/** The calls of `alloc_pages_bulk_noprof()` that are going on, by thread of execution. */
export class BulkCalls {
  private readonly open = new Map<number, BulkCall>();
  private readonly spare: BulkCall[] = [];

  begin(context: number): BulkCall {
    const call = this.spare.pop() ?? { words: new Uint32Array(LONGEST), entries: 0 };
    this.open.set(context, call);
    return call;
  }

  /** The call that ends; until the next one begins. */
  end(context: number): BulkCall | undefined {
    const call = this.open.get(context);
    if (!call) return undefined;
    this.open.delete(context);
    this.spare.push(call);
    return call;
  }
}

/**
 * `alloc_pages_bulk_noprof(gfp, nid, nodemask, wanted, pages)`, mm/page_alloc.c: hands out single pages of which no
 * tracepoint tells, into the entries of an array that are NULL. So the array is recorded at the entry and at the return,
 * its first 63 entries each time; the return says how many are filled. A page that the call has taken in the usual way,
 * which it does where there is no other, is told twice.
 */
export function bindBulkAlloc(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const pages = findField(format, 'pages');
  if (!pages || pages.size < POINTER_BYTES) return undefined;
  const recorded = Math.min(LONGEST / 2, Math.floor(pages.size / POINTER_BYTES));
  const { bulkCalls, addresses, sink } = context;
  const word = (event: RawEvent, index: number): number =>
    event.view.getUint32(event.payload + pages.offset + index * 4, event.littleEndian);
  const isWhole = (event: RawEvent): boolean => pages.offset + pages.size <= event.payloadSize;
  if (!isReturnProbe(format)) {
    const wantedField = findField(format, 'wanted');
    const wanted = wantedField ? numberReader(wantedField) : () => recorded;
    return event => {
      if (!isWhole(event)) return;
      const call = bulkCalls.begin(event.context);
      call.entries = Math.max(0, Math.min(recorded, wanted(event)));
      for (let i = 0; i < 2 * call.entries; i++) call.words[i] = word(event, i);
    };
  }
  const countField = findField(format, 'count');
  if (!countField) return undefined;
  const count = numberReader(countField);
  return event => {
    const call = bulkCalls.end(event.context);
    if (!call || !isWhole(event)) return;
    const filled = Math.min(call.entries, count(event));
    const low = event.littleEndian ? 0 : 1;
    for (let i = 0; i < filled; i++) {
      // One that the caller had filled itself.
      if (call.words[2 * i] !== 0 || call.words[2 * i + 1] !== 0) continue;
      pointer.low = word(event, 2 * i + low);
      pointer.high = word(event, 2 * i + 1 - low);
      const pfn = addresses.pfnOfPage();
      if (pfn >= 0) sink.pageAlloc(stamp(context, event), pfn, 0);
    }
  };
}
