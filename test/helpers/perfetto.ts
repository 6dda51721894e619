/**
 * A reading of Perfetto's schema by hand: field numbers and wire types of the messages that the drawing uses, from
 * protos/perfetto/trace/trace_packet.proto, track_event/track_event.proto, track_event/track_descriptor.proto and
 * track_event/debug_annotation.proto of Perfetto. Anything else in a file is a fault.
 */
const SCHEMA = {
  Trace: { 1: ['packet', 'TracePacket'] },
  TracePacket: {
    8: ['timestamp', 'varint'],
    10: ['trusted_packet_sequence_id', 'varint'],
    11: ['track_event', 'TrackEvent'],
    13: ['sequence_flags', 'varint'],
    60: ['track_descriptor', 'TrackDescriptor'],
  },
  TrackDescriptor: { 1: ['uuid', 'varint'], 2: ['name', 'string'], 5: ['parent_uuid', 'varint'] },
  TrackEvent: {
    4: ['debug_annotations', 'DebugAnnotation'],
    9: ['type', 'varint'],
    11: ['track_uuid', 'varint'],
    22: ['categories', 'string'],
    23: ['name', 'string'],
  },
  DebugAnnotation: { 4: ['int_value', 'varint'], 6: ['string_value', 'string'], 10: ['name', 'string'] },
} as const satisfies Record<string, Record<number, readonly [name: string, type: string]>>;

type Message = Record<string, unknown[]>;

/** What was drawn. */
export interface ReadPerfetto {
  readonly tracks: ReadonlyMap<number, { readonly name: string; readonly parent: number | undefined }>;
  readonly events: readonly {
    readonly type: 'begin' | 'end' | 'instant';
    readonly timeNs: number;
    readonly track: number;
    readonly name: string | undefined;
    readonly categories: string | undefined;
    readonly annotations: Readonly<Record<string, unknown>>;
  }[];
}

export function readPerfetto(bytes: Uint8Array): ReadPerfetto {
  const tracks = new Map<number, { name: string; parent: number | undefined }>();
  const events: ReadPerfetto['events'][number][] = [];
  for (const [i, packet] of (read(bytes, 'Trace')['packet'] as Message[]).entries()) {
    if (one(packet, 'trusted_packet_sequence_id') !== 1) throw new Error('a packet without its sequence');
    // SEQ_INCREMENTAL_STATE_CLEARED begins a sequence.
    if ((one(packet, 'sequence_flags') ?? 0) !== (i === 0 ? 1 : 0)) throw new Error('wrong flags');
    const descriptor = one(packet, 'track_descriptor') as Message | undefined;
    if (descriptor) {
      tracks.set(one(descriptor, 'uuid') as number, {
        name: one(descriptor, 'name') as string,
        parent: one(descriptor, 'parent_uuid') as number | undefined,
      });
    }
    const event = one(packet, 'track_event') as Message | undefined;
    if (!event) continue;
    const type = ([undefined, 'begin', 'end', 'instant'] as const)[one(event, 'type') as number];
    const track = one(event, 'track_uuid') as number;
    if (type === undefined || !tracks.has(track)) throw new Error('an event without type or track');
    const annotations = ((event['debug_annotations'] ?? []) as Message[]).map(annotation => [
      one(annotation, 'name') as string,
      one(annotation, 'string_value') ?? one(annotation, 'int_value'),
    ]);
    events.push({
      type,
      timeNs: one(packet, 'timestamp') as number,
      track,
      name: one(event, 'name') as string | undefined,
      categories: one(event, 'categories') as string | undefined,
      annotations: Object.fromEntries(annotations) as Record<string, unknown>,
    });
  }
  return { tracks, events };
}

function one(message: Message, field: string): unknown {
  const values = message[field] ?? [];
  if (values.length > 1) throw new Error(`${field} is there ${values.length} times`);
  return values[0];
}

function read(bytes: Uint8Array, type: keyof typeof SCHEMA): Message {
  const fields: Record<number, readonly [string, string]> = SCHEMA[type];
  const message: Message = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error(`${type} ends within a number`);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = fields[Math.floor(tag / 8)];
    if (!field) throw new Error(`${type} has no field ${Math.floor(tag / 8)}`);
    const [name, kind] = field;
    if (tag % 8 !== (kind === 'varint' ? 0 : 2))
      throw new Error(`${type}.${name} has the wire type ${tag % 8}`);
    let value: unknown;
    if (kind === 'varint') value = varint();
    else {
      const length = varint();
      if (at + length > bytes.length) throw new Error(`${type}.${name} is longer than its message`);
      const part = bytes.subarray(at, at + length);
      at += length;
      value =
        kind === 'string'
          ? new TextDecoder('utf-8', { fatal: true }).decode(part)
          : read(part, kind as keyof typeof SCHEMA);
    }
    const values = message[name];
    if (values) values.push(value);
    else message[name] = [value];
  }
  return message;
}
