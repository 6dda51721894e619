/** One field of an event, as `events/SYSTEM/NAME/format` describes it (kernel/trace/trace_events.c). */
export interface EventField {
  readonly name: string;
  /** The C type as the kernel writes it, `unsigned long`, `__data_loc char[]`. */
  readonly type: string;
  /** Bytes from the start of the event's data. */
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  /** `data_loc`, `rel_loc`: the field holds the place and length of the value; `array`: elements follow in place. */
  readonly layout: 'scalar' | 'array' | 'data_loc' | 'rel_loc';
}

/** The format of one kind of event. */
export interface EventFormat {
  readonly system: string;
  readonly name: string;
  /** `common_type` of its records. */
  readonly id: number;
  readonly fields: readonly EventField[];
}

/** Where an event's format stands in the file: parsed only for the events that occur. */
export interface FormatText {
  readonly system: string;
  readonly name: string;
  readonly id: number;
  readonly text: string;
}

const HEADER = /^name: (\S+)\s+ID: (\d+)/;
const FIELD = /^\s*field:([^;]+);\s*offset:(\d+);\s*size:(\d+);(?:\s*signed:([01]);)?/;

/** @returns `undefined` where the text does not begin as a format does */
export function readFormatHeader(system: string, text: string): FormatText | undefined {
  const match = HEADER.exec(text);
  const [, name, id] = match ?? [];
  return name === undefined || id === undefined ? undefined : { system, name, id: Number(id), text };
}

/** Parses the fields of a format; lines that are no field (blank, `print fmt`) are passed over. */
export function parseEventFormat(source: FormatText): EventFormat {
  return { system: source.system, name: source.name, id: source.id, fields: parseFields(source.text) };
}

/** The `field:` lines of a format, of `header_page` or of `header_event`. */
export function parseFields(text: string): EventField[] {
  const fields: EventField[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('print fmt')) break;
    const field = parseField(line);
    if (field) fields.push(field);
  }
  return fields;
}

function parseField(line: string): EventField | undefined {
  const [, declaration, offset, size, signed] = FIELD.exec(line) ?? [];
  if (declaration === undefined || offset === undefined || size === undefined) return undefined;
  const bracket = declaration.endsWith(']') ? declaration.lastIndexOf('[') : -1;
  const typeAndName = bracket < 0 ? declaration : declaration.slice(0, bracket).trimEnd();
  const start = startOfName(typeAndName);
  if (start === typeAndName.length) return undefined;
  const type = typeAndName.slice(0, start).trim();
  return {
    name: typeAndName.slice(start),
    type,
    offset: Number(offset),
    size: Number(size),
    signed: signed === '1',
    layout: layoutOf(type, bracket >= 0),
  };
}

/** Where the identifier at the end of a declaration begins. Not by a pattern, which is quadratic on a long line. */
function startOfName(declaration: string): number {
  let start = declaration.length;
  while (start > 0 && isOfName(declaration.charCodeAt(start - 1))) start--;
  while (isDigit(declaration.charCodeAt(start))) start++;
  return start;
}

/** Letters, digits and the underscore. */
function isOfName(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || isDigit(code) || code === 0x5f;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function layoutOf(type: string, inPlace: boolean): EventField['layout'] {
  if (type.startsWith('__data_loc')) return 'data_loc';
  if (type.startsWith('__rel_loc')) return 'rel_loc';
  return inPlace ? 'array' : 'scalar';
}
