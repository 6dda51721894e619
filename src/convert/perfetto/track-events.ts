import { ProtoMessage } from './protobuf.ts';

/** Field numbers of Perfetto's schema, protos/perfetto/trace in its repository; named as there. */
const TRACE = { packet: 1 } as const;
const TRACE_PACKET = {
  timestamp: 8,
  trusted_packet_sequence_id: 10,
  track_event: 11,
  sequence_flags: 13,
  track_descriptor: 60,
} as const;
const TRACK_DESCRIPTOR = { uuid: 1, name: 2, parent_uuid: 5 } as const;
const TRACK_EVENT = { debug_annotations: 4, type: 9, track_uuid: 11, categories: 22, name: 23 } as const;
const DEBUG_ANNOTATION = { int_value: 4, string_value: 6, name: 10 } as const;

/** `TrackEvent.Type` */
const TYPE = { slice_begin: 1, slice_end: 2, instant: 3 } as const;

/** `SEQ_INCREMENTAL_STATE_CLEARED`: a sequence begins with it. */
const STATE_CLEARED = 1;

/** All packets are of one writer. */
const SEQUENCE = 1;

/** What is shown beside a slice or an instant when it is selected. */
export type Annotations = Readonly<Record<string, string | number | undefined>>;

/** Writes a Perfetto trace of tracks, slices and instants. */
export class TrackEvents {
  private readonly write: (bytes: Uint8Array) => void;
  private tracks = 0;
  private isFirst = true;

  constructor(write: (bytes: Uint8Array) => void) {
    this.write = write;
  }

  /** @returns the number of a new track, for the other methods */
  track(name: string, parent?: number): number {
    const uuid = ++this.tracks;
    const descriptor = new ProtoMessage()
      .uint(TRACK_DESCRIPTOR.uuid, uuid)
      .string(TRACK_DESCRIPTOR.name, name);
    if (parent !== undefined) descriptor.uint(TRACK_DESCRIPTOR.parent_uuid, parent);
    this.packet(new ProtoMessage().message(TRACE_PACKET.track_descriptor, descriptor));
    return uuid;
  }

  begin(track: number, timeNs: number, category: string, name: string, annotations: Annotations): void {
    this.event(timeNs, namedEvent(TYPE.slice_begin, track, category, name, annotations));
  }

  end(track: number, timeNs: number): void {
    this.event(timeNs, typedEvent(TYPE.slice_end, track));
  }

  instant(track: number, timeNs: number, category: string, name: string, annotations: Annotations): void {
    this.event(timeNs, namedEvent(TYPE.instant, track, category, name, annotations));
  }

  private event(timeNs: number, event: ProtoMessage): void {
    const packet = new ProtoMessage().uint(TRACE_PACKET.timestamp, Math.max(0, Math.floor(timeNs)));
    this.packet(packet.message(TRACE_PACKET.track_event, event));
  }

  private packet(packet: ProtoMessage): void {
    packet.uint(TRACE_PACKET.trusted_packet_sequence_id, SEQUENCE);
    if (this.isFirst) packet.uint(TRACE_PACKET.sequence_flags, STATE_CLEARED);
    this.isFirst = false;
    this.write(new ProtoMessage().message(TRACE.packet, packet).finish());
  }
}

function typedEvent(type: number, track: number): ProtoMessage {
  return new ProtoMessage().uint(TRACK_EVENT.type, type).uint(TRACK_EVENT.track_uuid, track);
}

function namedEvent(
  type: number,
  track: number,
  category: string,
  name: string,
  annotations: Annotations,
): ProtoMessage {
  const event = typedEvent(type, track)
    .string(TRACK_EVENT.categories, category)
    .string(TRACK_EVENT.name, name);
  for (const [key, value] of Object.entries(annotations)) {
    if (value === undefined) continue;
    const annotation = new ProtoMessage().string(DEBUG_ANNOTATION.name, key);
    if (typeof value === 'string') annotation.string(DEBUG_ANNOTATION.string_value, value);
    else annotation.int(DEBUG_ANNOTATION.int_value, value);
    event.message(TRACK_EVENT.debug_annotations, annotation);
  }
  return event;
}
