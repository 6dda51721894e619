import { guessFunction } from '../bindings/probe-guess.ts';
import type { EventFormat } from '../events/event-format.ts';
import type { LearntSymbols } from '../names/learnt-symbols.ts';
import type { BatchWriter } from './batch-writer.ts';
import type { BodyTrace, PlacedField } from './body-trace.ts';
import type { EventForm, FieldForm } from './event-forms.ts';
import {
  COMMON_BYTES,
  COMMON_FIELDS,
  eventField,
  FIELD_BYTES,
  type ProbeShape,
  probeFields,
} from './record-format.ts';
import {
  CLOSE,
  COMMA,
  EQUALS,
  find,
  isPrefixedHex,
  MINUS,
  OPEN,
  OPEN_SQUARE,
  SPACE,
  scanHex,
  startsWith,
  wide,
} from './scan.ts';
import { put, ValueWriter } from './value-writer.ts';
import { endOfWord, scanPlace } from './word-values.ts';

/** What a kind is made of. */
export interface KindParts {
  readonly id: number;
  readonly nameBytes: Uint8Array;
  readonly system: string;
  readonly name: string;
  readonly shape: ProbeShape;
  readonly fields: readonly FieldForm[];
  /** Of a tracepoint whose text is known beforehand. */
  readonly form: EventForm | undefined;
  readonly symbols: LearntSymbols;
}

interface PlannedField extends PlacedField {
  /** What stands before the value, and first of all. */
  readonly keyBytes: readonly Uint8Array[];
  readonly firstKey: Uint8Array;
}

/** A kind of event of a text: its name, how its lines are read, and the format of the records they become. */
export class EventKind {
  readonly id: number;
  readonly shape: ProbeShape;
  /** As it stands in the lines, with its system where perf prints that. */
  readonly nameBytes: Uint8Array;
  readonly format: EventFormat;
  /** The same kind with more fields, which took its place, see {@link with}. */
  wider: EventKind | undefined;

  /** Whether the fields are known beforehand, and not learnt from the lines. */
  readonly isFixed: boolean;

  private readonly parts: KindParts;
  private readonly fields: readonly PlannedField[];
  /** Bytes of a record without its strings and lists. */
  readonly fixedBytes: number;
  private readonly hasPlaces: boolean;
  private readonly isText: boolean;
  private readonly hasCallSite: boolean;
  private readonly symbols: LearntSymbols;
  /** The address of a probe that was last seen without a name. */
  private lastHigh = -1;
  private lastLow = -1;
  private readonly values: ValueWriter;

  constructor(parts: KindParts) {
    const { id, nameBytes, system, name, shape, fields, form, symbols } = parts;
    this.parts = parts;
    this.id = id;
    this.nameBytes = nameBytes;
    this.shape = shape;
    this.isFixed = form !== undefined;
    this.hasCallSite = form?.hasCallSite ?? false;
    this.symbols = symbols;
    this.values = new ValueWriter(symbols);
    const first = COMMON_BYTES + (shape === 'none' ? 0 : shape === 'entry' ? 1 : 2) * FIELD_BYTES;
    this.fields = fields.map((field, i) => ({
      ...field,
      keyBytes: field.keys.map(key => asBytes(key)),
      firstKey: asBytes(field.keys[0] ?? ''),
      offset: first + i * FIELD_BYTES,
    }));
    this.hasPlaces = fields.some(field => field.place !== undefined);
    this.isText = fields.some(field => field.form === 'text');
    this.fixedBytes = first + fields.length * FIELD_BYTES;
    this.format = {
      system,
      name,
      id,
      fields: [...COMMON_FIELDS, ...probeFields(shape), ...this.fields.map(eventField)],
    };
  }

  /** The same kind with fields that its first lines did not show. Records of another format have another id. */
  with(more: readonly FieldForm[], id: number): EventKind {
    this.wider = new EventKind({ ...this.parts, id, fields: [...this.parts.fields, ...more] });
    return this.wider;
  }

  /** Whether parentheses at the beginning of the body tell nothing: slab events have their call site there. */
  get ignoresShape(): boolean {
    return this.hasCallSite;
  }

  /** Names of the fields of the event itself. */
  get fieldNames(): readonly string[] {
    return this.fields.map(({ name }) => name);
  }

  /**
   * Writes the record of a line whose body is `[at, end)` where the next one of `batch` begins; its size is
   * {@link recordSize} then.
   *
   * @returns whether all words are of fields that the kind knows
   */
  encode(
    bytes: Uint8Array,
    at: number,
    end: number,
    flags: number,
    pid: number,
    batch: BatchWriter,
    trace?: BodyTrace,
  ): boolean {
    const { start } = batch;
    batch.reserve(this.fixedBytes);
    const { words } = batch;
    const first = start >> 2;
    words[first] = this.id | (flags << 16);
    words[first + 1] = pid;
    for (let i = 2; i < this.fixedBytes >> 2; i++) words[first + i] = 0;
    this.values.tail = this.fixedBytes;
    if (this.shape !== 'none') at = this.encodePlaces(bytes, at, end, batch, trace);
    else if (this.hasCallSite && bytes[at] === OPEN) {
      const close = find(bytes, CLOSE, at, end);
      trace?.callSite(at + 1, close);
      at = close + 1;
    }
    return this.encodeFields(bytes, at, end, batch, trace);
  }

  /** Bytes of the record that was written last. */
  get recordSize(): number {
    return this.values.tail;
  }

  private encodeFields(
    bytes: Uint8Array,
    at: number,
    end: number,
    batch: BatchWriter,
    trace: BodyTrace | undefined,
  ): boolean {
    const { fields } = this;
    let understood = true;
    let expected = 0;
    let found = 0;
    let place = 0;
    while (at < end) {
      // Of a known tracepoint nothing more is wanted.
      if (found === fields.length && this.isFixed) {
        trace?.rest(at);
        return true;
      }
      if (bytes[at] === SPACE || bytes[at] === COMMA) {
        at++;
        continue;
      }
      const start = at;
      // Mostly the next word is the next field; else what it is is looked for.
      const next = fields[expected];
      const value = next === undefined ? -1 : behindKey(bytes, at, end, next.firstKey);
      if (value >= 0) {
        expected++;
        found++;
        at = this.encodeWord(next as PlannedField, bytes, value, end, batch, trace);
        continue;
      }
      while (at < end && bytes[at] !== EQUALS && bytes[at] !== SPACE) at++;
      if (at < end && bytes[at] === EQUALS) {
        const index = this.indexOf(bytes, start, at);
        if (index >= 0) {
          expected = index + 1;
          found++;
          at = this.encodeWord(fields[index] as PlannedField, bytes, at + 1, end, batch, trace);
        } else {
          understood = false;
          const stop = endOfWord(bytes, at, end);
          trace?.unwanted(at + 1, stop);
          at = stop;
        }
      } else if (this.hasPlaces && bytes[start] !== OPEN_SQUARE && (bytes[start] !== OPEN || this.isText)) {
        const field = this.fieldAt(place++);
        if (field) {
          const stop = this.values.write(field, bytes, start, end, batch);
          trace?.placed(field, start, stop);
          at = stop;
        } else {
          trace?.word(start, at);
        }
      } else if (bytes[start] === OPEN_SQUARE && isPrefixedHex(bytes, start + 1, at)) {
        trace?.special();
        this.encodeRange(bytes, start, at, batch);
      } else {
        trace?.word(start, at);
      }
    }
    return understood;
  }

  /** Writes the value at `at`, and returns where its word ends. */
  private encodeWord(
    field: PlacedField,
    bytes: Uint8Array,
    at: number,
    end: number,
    batch: BatchWriter,
    trace: BodyTrace | undefined,
  ): number {
    const stop = this.values.write(field, bytes, at, end, batch);
    const wordEnd = endOfWord(bytes, stop, end);
    trace?.value(field, at, stop, wordEnd);
    return wordEnd;
  }

  private indexOf(bytes: Uint8Array, start: number, end: number): number {
    const { fields } = this;
    for (let i = 0; i < fields.length; i++) if (isKey(bytes, start, end, fields[i] as PlannedField)) return i;
    return -1;
  }

  private fieldAt(place: number): PlannedField | undefined {
    for (const field of this.fields) if (field.place === place) return field;
    return undefined;
  }

  /** `[0x0-0xfff]` */
  private encodeRange(bytes: Uint8Array, at: number, end: number, batch: BatchWriter): void {
    for (const field of this.fields) {
      if (field.form === 'rangeStart') {
        scanHex(bytes, at + 1, end);
        put(batch, field.offset);
      } else if (field.form === 'rangeEnd') {
        scanHex(bytes, find(bytes, MINUS, at, end) + 1, end);
        put(batch, field.offset);
      }
    }
  }

  /** `(function+0x0/0x240)`, `(caller+0x9e/0x140 <- function)`, with addresses for names, or `__probe_ip=ADDRESS`. */
  private encodePlaces(
    bytes: Uint8Array,
    at: number,
    end: number,
    batch: BatchWriter,
    trace: BodyTrace | undefined,
  ): number {
    if (bytes[at] !== OPEN) return this.encodeRawPlaces(bytes, at, end, batch, trace);
    const close = find(bytes, CLOSE, at, end);
    const start = at + 1;
    if (this.shape === 'entry') {
      trace?.codePlace('function', COMMON_BYTES, start, close);
      this.scanFunction(bytes, start, close);
      put(batch, COMMON_BYTES);
    } else {
      let arrow = start;
      while (arrow < close && !startsWith(bytes, arrow, close, ' <- ')) arrow++;
      // The kernel prints the place of the return, then the function. trace-cmd and perf follow the format of the event,
      // which has them the other way round, and print addresses (print_kretprobe_event(), trace_kprobe.c; PRINT_FMT_KRETPROBE).
      const second = arrow + 4;
      const isByFormat = second < close && scanHex(bytes, second, close) === close;
      const callerOffset = COMMON_BYTES + FIELD_BYTES;
      trace?.codePlace(
        isByFormat ? 'function' : 'caller',
        isByFormat ? COMMON_BYTES : callerOffset,
        start,
        arrow,
      );
      trace?.codePlace(
        isByFormat ? 'caller' : 'function',
        isByFormat ? callerOffset : COMMON_BYTES,
        second,
        close,
      );
      if (isByFormat) this.scanFunction(bytes, start, arrow);
      else this.scanFunction(bytes, second, close);
      put(batch, COMMON_BYTES);
      if (isByFormat) scanPlace(this.symbols, bytes, second, close);
      else scanPlace(this.symbols, bytes, start, arrow);
      put(batch, callerOffset);
    }
    return close + 1;
  }

  private encodeRawPlaces(
    bytes: Uint8Array,
    at: number,
    end: number,
    batch: BatchWriter,
    trace: BodyTrace | undefined,
  ): number {
    for (let offset = COMMON_BYTES; startsWith(bytes, at, end, '__probe_'); offset += FIELD_BYTES) {
      const value = find(bytes, EQUALS, at, end) + 1;
      at = endOfWord(bytes, value, end);
      trace?.codePlace(offset === COMMON_BYTES ? 'function' : 'caller', offset, value, at);
      if (offset === COMMON_BYTES) this.scanFunction(bytes, value, at);
      else scanPlace(this.symbols, bytes, value, at);
      put(batch, offset);
      while (at < end && bytes[at] === SPACE) at++;
    }
    return at;
  }

  /** The place that a probe sits on. Of an address without a name the function is guessed, once. */
  private scanFunction(bytes: Uint8Array, at: number, end: number): void {
    scanPlace(this.symbols, bytes, at, end);
    if (wide.low === this.lastLow && wide.high === this.lastHigh) return;
    this.lastHigh = wide.high;
    this.lastLow = wide.low;
    if (this.symbols.isKnown(wide.high, wide.low)) return;
    const name = guessFunction(this.format);
    if (name !== undefined) this.symbols.guess(wide.high, wide.low, name);
  }

  /** Writes one value as {@link encode} does, where bytes of the record up to `tail` are written; the end of its word. */
  encodeOne(
    field: PlacedField,
    bytes: Uint8Array,
    at: number,
    end: number,
    tail: number,
    batch: BatchWriter,
  ): number {
    this.values.tail = tail;
    return this.encodeWord(field, bytes, at, end, batch, undefined);
  }
}

function asBytes(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0));
}

/** Where the value begins if `key=` stands at `at`; else -1. */
function behindKey(bytes: Uint8Array, at: number, end: number, key: Uint8Array): number {
  const equals = at + key.length;
  if (equals >= end || bytes[equals] !== EQUALS) return -1;
  for (let i = 0; i < key.length; i++) if (bytes[at + i] !== key[i]) return -1;
  return equals + 1;
}

function isKey(bytes: Uint8Array, at: number, end: number, { keyBytes }: PlannedField): boolean {
  for (let k = 0; k < keyBytes.length; k++) {
    const key = keyBytes[k] as Uint8Array;
    if (key.length !== end - at) continue;
    let i = 0;
    while (i < key.length && bytes[at + i] === key[i]) i++;
    if (i === key.length) return true;
  }
  return false;
}
