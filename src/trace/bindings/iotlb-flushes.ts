import { UNKNOWN } from '../../kernel/events.ts';
import type { Moment } from '../../kernel/moment.ts';
import type { EventFormat } from '../events/event-format.ts';
import { findField, numberReader, pointer, pointerReader } from '../events/field-reader.ts';
import type { EventHandler } from '../events/raw-event.ts';
import { type BindingContext, domainReader, stamp } from './context.ts';
import { CACHE_TAGS, FUNCTION_ENTRIES, FUNCTION_RETURNS, QUEUE_ENTRIES } from './flush-witness.ts';
import { findProbeFields, isReturnProbe } from './probe-fields.ts';

/** An end of at least this, as a float64, is that of the whole address space. */
const END_OF_ALL = 2 ** 63;

/** `intel_flush_iotlb_all()`, `amd_iommu_flush_iotlb_all()`, `arm_smmu_flush_iotlb_all()`: everything of a domain. */
export function bindFlushAll(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['domain'], ['domain']);
  if (!fields?.domain) return undefined;
  const domain = domainReader(context, fields.domain);
  const witness = isReturnProbe(format) ? FUNCTION_RETURNS : FUNCTION_ENTRIES;
  return event => {
    if (!context.flushWitness.isHeard(witness)) return;
    context.seen.hasFlushes = true;
    context.sink.iotlbFlush(stamp(context, event), domain(event), 0, Number.POSITIVE_INFINITY);
  };
}

/**
 * `intel_iommu_tlb_sync()`, `amd_iommu_iotlb_sync()`, `arm_smmu_iotlb_sync()`: what was gathered. Where the probe does
 * not record `gather->start` and `gather->end` (inclusive), it is at most what this thread of execution has unmapped
 * since its last sync, because the gather is a variable on the stack of whoever unmaps. Some of that may have gone into
 * a flush queue instead: no domain is named then, as the seam has it for a flush that is not known better.
 */
export function bindSync(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['domain', 'start', 'end'], ['domain']);
  if (!fields?.domain) return undefined;
  const domain = domainReader(context, fields.domain);
  const witness = isReturnProbe(format) ? FUNCTION_RETURNS : FUNCTION_ENTRIES;
  const start = fields.start && numberReader(fields.start);
  const end = fields.end && numberReader(fields.end);
  return event => {
    if (!context.flushWitness.isHeard(witness)) return;
    context.seen.hasFlushes = true;
    const of = domain(event);
    const gathered = context.calls.takeGathered(event.context, of);
    const at = stamp(context, event);
    if (start && end) tellRange(context, at, of, start(event), end(event) + 1);
    else tellRange(context, at, UNKNOWN, gathered.start, gathered.end);
  };
}

function tellRange({ sink }: BindingContext, at: Moment, domain: number, start: number, end: number): void {
  if (end > start) sink.iotlbFlush(at, domain, start, end - start);
}

/**
 * `intel_iommu:cache_tag_flush_range` (Linux 6.10 and later) and `qi_submit`, drivers/iommu/intel/trace.h. They name
 * the hardware's domain id, not the domain, and come right before the wait for the flush.
 */
export function bindIntelIommuEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  switch (format.name) {
    case 'cache_tag_flush_range':
      return bindCacheTagFlush(format, context);
    case 'qi_submit':
      return bindQueueEntry(format, context);
    default:
      return undefined;
  }
}

function bindCacheTagFlush(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const startField = findField(format, 'start');
  const endField = findField(format, 'end');
  if (!startField || !endField) return undefined;
  const start = numberReader(startField);
  const end = numberReader(endField);
  return event => {
    if (!context.flushWitness.isHeard(CACHE_TAGS)) return;
    context.seen.hasFlushes = true;
    const first = start(event);
    const last = end(event);
    const size = last >= END_OF_ALL ? Number.POSITIVE_INFINITY : last + 1 - first;
    if (size > 0) context.sink.iotlbFlush(stamp(context, event), UNKNOWN, first, size);
  };
}

/** Types of descriptors, bits 0-3 of the first word (Intel VT-d specification, 6.5.2). */
const IOTLB_INVALIDATE = 2;
const PASID_IOTLB_INVALIDATE = 6;
/** Bits 4-5 of the first word: page-selective, for both types. */
const PAGE_SELECTIVE = 3;

function bindQueueEntry(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const firstField = findField(format, 'qw0');
  const secondField = findField(format, 'qw1');
  if (!firstField || !secondField) return undefined;
  const first = pointerReader(firstField);
  const second = pointerReader(secondField);
  return event => {
    first(event);
    const type = pointer.low & 0xf;
    if (type !== IOTLB_INVALIDATE && type !== PASID_IOTLB_INVALIDATE) return;
    if (!context.flushWitness.isHeard(QUEUE_ENTRIES)) return;
    const isOfPages = ((pointer.low >>> 4) & 3) === PAGE_SELECTIVE;
    context.seen.hasFlushes = true;
    if (!isOfPages) {
      context.sink.iotlbFlush(stamp(context, event), UNKNOWN, 0, Number.POSITIVE_INFINITY);
      return;
    }
    second(event);
    // The address mask in bits 0-5 is the logarithm of the number of pages.
    const size = 2 ** (12 + (pointer.low & 0x3f));
    const address = pointer.high * 0x1_0000_0000 + (pointer.low >>> 12) * 0x1000;
    context.sink.iotlbFlush(stamp(context, event), UNKNOWN, Math.floor(address / size) * size, size);
  };
}
