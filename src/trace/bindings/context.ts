import type { KernelEvents } from '../../kernel/events.ts';
import type { Moment } from '../../kernel/moment.ts';
import type { Capabilities } from '../../kernel/source.ts';
import type { EventField } from '../events/event-format.ts';
import { type Extent, extentReader, pointer, pointerReader } from '../events/field-reader.ts';
import type { RawEvent } from '../events/raw-event.ts';
import type { TraceNames } from '../names/trace-names.ts';
import { BulkCalls } from './bulk-alloc.ts';
import { FlushWitness } from './flush-witness.ts';
import { FoundMappings } from './found-mappings.ts';
import type { IommuCalls } from './iommu-calls.ts';
import { KernelAddresses } from './kernel-addresses.ts';
import { LoggedFaults } from './logged-faults.ts';
import { SvaBindings } from './sva-bindings.ts';

/** What every binding of a kernel event to {@link KernelEvents} works with. */
export interface BindingContext {
  readonly sink: KernelEvents;
  readonly names: TraceNames;
  readonly calls: IommuCalls;
  /** `sizeof(long)` of the recorded kernel. */
  readonly longSize: number;
  /** What the trace has shown so far: a format in the file does not mean that the event was recorded. */
  readonly seen: Capabilities;
  readonly addresses: KernelAddresses;
  readonly loggedFaults: LoggedFaults;
  readonly flushWitness: FlushWitness;
  readonly sva: SvaBindings;
  /** Threads of execution in `iommu_sva_invalidate_kva_range()`. */
  readonly invalidating: Set<number>;
  readonly foundMappings: FoundMappings;
  readonly bulkCalls: BulkCalls;
  /** What the recording says of itself, for the reader of a report. */
  readonly notes: string[];
}

/** What a {@link BindingContext} is made for. */
export interface BindingParts extends Pick<BindingContext, 'sink' | 'names' | 'calls' | 'longSize' | 'seen'> {
  /** The recorded kernel's page size in bytes. */
  readonly pageSize: number;
}

export function newBindingContext({ pageSize, ...parts }: BindingParts): BindingContext {
  return {
    ...parts,
    addresses: new KernelAddresses(pageSize),
    loggedFaults: new LoggedFaults(),
    flushWitness: new FlushWitness(),
    sva: new SvaBindings(),
    invalidating: new Set(),
    foundMappings: new FoundMappings(),
    bulkCalls: new BulkCalls(),
    notes: [],
  };
}

/** The moment of a record, with its stack as an id. */
export function stamp(context: BindingContext, event: RawEvent): Moment {
  if (event.stackBytes > 0) internStack(context, event);
  return event;
}

function internStack({ names, seen, longSize }: BindingContext, event: RawEvent): void {
  seen.hasStacks = true;
  const { stackWords, stackAt, stackBytes, littleEndian } = event;
  event.stack = names.stacks.intern(stackWords, stackAt, stackBytes, longSize, littleEndian);
}

/** A reader of a string field as the id of a device; 0 where the record has no name. */
export function deviceReader(context: BindingContext, field: EventField): (event: RawEvent) => number {
  const extent = extentReader(field);
  const place: Extent = { at: 0, bytes: 0 };
  return event => {
    extent(event, place);
    return context.names.deviceBytes.id(event.view, place.at, place.bytes);
  };
}

/** A reader of a string field as the id of a driver. */
export function driverReader(context: BindingContext, field: EventField): (event: RawEvent) => number {
  const extent = extentReader(field);
  const place: Extent = { at: 0, bytes: 0 };
  return event => {
    extent(event, place);
    return context.names.driverBytes.id(event.view, place.at, place.bytes);
  };
}

/** A reader of a pointer field as the id of a domain. */
export function domainReader(context: BindingContext, field: EventField): (event: RawEvent) => number {
  const read = pointerReader(field);
  return event => {
    read(event);
    return context.names.domains.id(pointer.high, pointer.low);
  };
}

/** A reader of a pointer field as the id of a page_pool. */
export function poolReader(context: BindingContext, field: EventField): (event: RawEvent) => number {
  const read = pointerReader(field);
  return event => {
    read(event);
    return context.names.pools.id(pointer.high, pointer.low);
  };
}

/**
 * `IS_ERR_OR_NULL()` of the pointer last read, of `size` bytes: the last 4095 values of the address space are errors
 * (include/linux/err.h).
 */
export function isNullOrError(size: number): boolean {
  const { high, low } = pointer;
  return (high === 0 && low === 0) || ((size < 8 || high === 0xffff_ffff) && low >= 0xffff_f001);
}
