import { latin1 } from '../file/latin1.ts';
import type { LearntSymbols } from '../names/learnt-symbols.ts';
import { EVENT_FORMS, type EventForm, type FieldForm, type ValueForm } from './event-forms.ts';
import { EventKind } from './event-kind.ts';
import type { ProbeShape } from './record-format.ts';
import { CLOSE, find, hashOf, OPEN, sameBytes, startsWith } from './scan.ts';

/** Kinds that are told apart; a text with more different names is no trace, and the rest counts as one kind. */
const MOST_KINDS = 4000;

/** Of a `common_type`. A kind that is widened takes one more. */
const MOST_IDS = 0xffff;

/** Of the table of recent kinds. */
const RECENT_MASK = 63;

/** Fields of one kind: an event of the kernel has fewer, and text that a task has written may have any. */
const MOST_FIELDS = 64;

/** Forms by `system:name`, and by the name alone as ftrace prints it. */
const FORMS = new Map<string, EventForm>();
for (const form of EVENT_FORMS) {
  const { system, name, printedAs = name } = form;
  FORMS.set(printedAs, form);
  FORMS.set(`${system}:${printedAs}`, form);
}

/** `name=value` with the value's first characters, for events whose fields the text itself tells. */
const ASSIGNMENT = /([A-Za-z_]\w*)=("?)([^\s,)"]*)/g;

/** The kinds of events that a text holds, in the order in which they appeared. */
export class EventKinds {
  private readonly symbols: LearntSymbols;
  private readonly byHash = new Map<number, EventKind[]>();
  /** By id, from 1. */
  private readonly kinds: EventKind[] = [];
  private names = 0;
  /** The kinds that were asked for last, by a hash that costs nothing. */
  private readonly recent: (EventKind | undefined)[] = new Array(RECENT_MASK + 1);
  private other: EventKind | undefined;

  constructor(symbols: LearntSymbols) {
    this.symbols = symbols;
  }

  /** Without those that wider ones took the place of. */
  get all(): readonly EventKind[] {
    return this.kinds.filter(({ wider }) => wider === undefined);
  }

  /** The kind with this id, as {@link EventKind.id}. */
  byId(id: number): EventKind | undefined {
    return this.kinds[id - 1];
  }

  /** Adds up counts by id, those of kinds that were widened with what they became. */
  together(counts: ReadonlyMap<number, number>): Map<number, number> {
    const sums = new Map<number, number>();
    for (const [id, count] of counts) {
      let kind = this.byId(id);
      while (kind?.wider) kind = kind.wider;
      if (kind) sums.set(kind.id, (sums.get(kind.id) ?? 0) + count);
    }
    return sums;
  }

  /** The kind of the event whose name is `[nameAt, nameEnd)` and whose body is `[at, end)`. */
  of(bytes: Uint8Array, nameAt: number, nameEnd: number, at: number, end: number): EventKind {
    const shape = shapeOf(bytes, at, end);
    // A few kinds make up nearly all lines.
    const slot =
      ((nameEnd - nameAt) * 31 + (bytes[nameEnd - 1] as number) * 7 + (bytes[nameAt] as number)) &
      RECENT_MASK;
    const recent = this.recent[slot];
    if (recent && recent.shape === shape && sameBytes(bytes, nameAt, nameEnd, recent.nameBytes))
      return recent;
    const kind = this.find(bytes, nameAt, nameEnd, at, end, shape);
    this.recent[slot] = kind;
    return kind;
  }

  private find(
    bytes: Uint8Array,
    nameAt: number,
    nameEnd: number,
    at: number,
    end: number,
    shape: ProbeShape,
  ): EventKind {
    const hash = hashOf(bytes, nameAt, nameEnd);
    let sameHash = this.byHash.get(hash);
    if (sameHash) {
      for (const kind of sameHash) {
        if ((kind.shape === shape || kind.ignoresShape) && sameBytes(bytes, nameAt, nameEnd, kind.nameBytes))
          return kind;
      }
    }
    if (this.names >= MOST_KINDS || this.kinds.length >= MOST_IDS - 1) return this.others();
    this.names++;
    const kind = this.make(bytes.slice(nameAt, nameEnd), shape, latin1(bytes.subarray(at, end)));
    sameHash = sameHash ?? [];
    sameHash.push(kind);
    this.byHash.set(hash, sameHash);
    this.kinds.push(kind);
    return kind;
  }

  /** Replaces a kind whose first lines did not show all fields by one that also knows those of this body. */
  widened(kind: EventKind, body: string): EventKind {
    if (kind.isFixed || kind.fieldNames.length >= MOST_FIELDS || this.kinds.length >= MOST_IDS - 1)
      return kind;
    const known = new Set(kind.fieldNames);
    const more = fieldsOf(body).filter(({ name }) => !known.has(name));
    if (more.length === 0) return kind;
    const wider = kind.with(more, this.kinds.length + 1);
    this.kinds.push(wider);
    this.recent.fill(undefined);
    const sameHash = this.byHash.get(hashOf(kind.nameBytes, 0, kind.nameBytes.length)) ?? [];
    sameHash[sameHash.indexOf(kind)] = wider;
    return wider;
  }

  private make(nameBytes: Uint8Array, shape: ProbeShape, body: string): EventKind {
    const fullName = latin1(nameBytes);
    const colon = fullName.indexOf(':');
    const name = fullName.slice(colon + 1) || 'other text';
    const known = FORMS.get(fullName);
    const form = known && (shape === 'none' || known.hasCallSite) ? known : undefined;
    const system =
      form?.system ?? (colon < 0 ? (shape === 'none' ? 'unknown' : 'probes') : fullName.slice(0, colon));
    return new EventKind({
      id: this.kinds.length + 1,
      nameBytes,
      system,
      name: form?.name ?? name,
      shape: form ? 'none' : shape,
      fields: form?.fields ?? (fullName === '' ? [] : fieldsOf(body)),
      form,
      symbols: this.symbols,
    });
  }

  private others(): EventKind {
    if (this.other) return this.other;
    this.other = new EventKind({
      id: this.kinds.length + 1,
      nameBytes: new Uint8Array(0),
      system: 'unknown',
      name: 'other events',
      shape: 'none',
      fields: [],
      form: undefined,
      symbols: this.symbols,
    });
    this.kinds.push(this.other);
    return this.other;
  }
}

function shapeOf(bytes: Uint8Array, at: number, end: number): ProbeShape {
  if (bytes[at] === OPEN) {
    const close = find(bytes, CLOSE, at, end);
    for (let i = at; i < close; i++) if (startsWith(bytes, i, close, ' <- ')) return 'return';
    return 'entry';
  }
  if (startsWith(bytes, at, end, '__probe_ip=')) return 'entry';
  return startsWith(bytes, at, end, '__probe_func=') ? 'return' : 'none';
}

/** What the body of an event says of its fields: their names, and by their first value how they are written. */
function fieldsOf(body: string): FieldForm[] {
  const fields = new Map<string, FieldForm>();
  for (const [, name = '', quote = '', value = ''] of body.matchAll(ASSIGNMENT)) {
    if (fields.size >= MOST_FIELDS) break;
    if (name.startsWith('__probe_') || fields.has(name)) continue;
    const form = quote === '"' ? 'string' : formOf(value);
    fields.set(name, { name, keys: [name], form, ...(/^-?\d+$/.test(value) && { signed: true }) });
  }
  return [...fields.values()];
}

function formOf(value: string): ValueForm {
  if (/^0x[0-9a-fA-F]+$/.test(value) || /^-?\d{1,15}$/.test(value)) return 'number';
  // %p: hashed or whole, always of 16 digits; (nil), (null)
  if (/^[0-9a-f]{16}$/.test(value) || /^\((nil|null)$/.test(value)) return 'hex';
  if (value.startsWith('{')) return 'wides';
  return /^-?\d+$/.test(value) ? 'number' : 'string';
}
