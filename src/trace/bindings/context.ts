import type { KernelEvents } from '../../kernel/events.ts';
import type { Moment } from '../../kernel/moment.ts';
import type { Capabilities } from '../../kernel/source.ts';
import type { EventField } from '../events/event-format.ts';
import { type Extent, extentReader, pointer, pointerReader } from '../events/field-reader.ts';
import type { RawEvent } from '../events/raw-event.ts';
import type { TraceNames } from '../names/trace-names.ts';
import type { IommuCalls } from './iommu-calls.ts';

/** What every binding of a kernel event to {@link KernelEvents} works with. */
export interface BindingContext {
  readonly sink: KernelEvents;
  readonly names: TraceNames;
  readonly calls: IommuCalls;
  /** The moment of the event in hand, see {@link stamp}. */
  readonly at: Moment;
  /** `sizeof(long)` of the recorded kernel. */
  readonly longSize: number;
  /** What the trace has shown so far: a format in the file does not mean that the event was recorded. */
  readonly seen: Capabilities;
}

/** Fills the shared moment from a record. */
export function stamp(context: BindingContext, event: RawEvent): Moment {
  const { at } = context;
  at.timeNs = event.timeNs;
  at.cpu = event.cpu;
  at.pid = event.pid;
  at.context = event.context;
  at.position = event.position;
  at.stack = 0;
  if (event.stackBytes > 0) {
    context.seen.hasStacks = true;
    at.stack = context.names.stacks.intern(
      event.stackView,
      event.stackAt,
      event.stackBytes,
      context.longSize,
      event.littleEndian,
    );
  }
  return at;
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
