import type { BodyTrace, PlacedField } from './body-trace.ts';
import type { EventKind } from './event-kind.ts';
import { type Literals, LiteralsBuilder, sameLiterals, sameNumbers } from './literals.ts';
import { CARRIAGE_RETURN, isDigit, isPrefixedHex, OPEN, OPEN_SQUARE, QUOTE } from './scan.ts';

/** What stands behind the literal of a step. */
export const STEP = {
  /** 16 hexadecimal digits: an address. */
  address: 0,
  /** Hexadecimal digits, at most 16. */
  hex: 1,
  /** The same of a page frame number: 0 stands for -1. */
  hexPfn: 2,
  /** Decimal digits, perhaps behind a minus; the same of a page frame number. */
  decimal: 3,
  decimalPfn: 4,
  /** The end of the line. */
  end: 5,
  /** Anything up to the end of the line. */
  rest: 6,
  /** What no field wants up to a space. */
  skip: 7,
  /** A word without `=` that no field wants. */
  word: 8,
  /** A string up to a space; the same for a field by its place, which has no `=`. */
  string: 9,
  placedString: 10,
  /** A word that stands for a number. */
  place: 11,
  direction: 12,
  attributes: 13,
  /** The name of the caller of a probe, before `)` or ` <- `. */
  caller: 14,
  /** The call site of slab events, up to `)`. */
  callSite: 15,
  /** A value that {@link EventKind.encodeOne} reads. */
  special: 16,
} as const;

/** Numbers of a step: bytes of its literal and where it is, see `Literals`, what stands behind, and the word of the record that this goes to. */
export const STEP_NUMBERS = 4;

/** Steps at most: of a line of more the form is not learnt. */
const MOST_STEPS = 80;

const HEX_DIGITS = /^[0-9a-f]+$/;

/**
 * The form of the lines of one kind of event from the name on: what is the same in all of them, which the function of a
 * probe is too, and what stands between.
 */
export interface LineForm {
  /** `undefined` for the line that a stack begins with. */
  readonly kind: EventKind | undefined;
  readonly literals: Literals;
  /** {@link STEP_NUMBERS} for each step. */
  readonly steps: Int32Array;
  /** The field of each step that is special. */
  readonly fields: readonly (PlacedField | undefined)[];
  /** Words of the record that no step writes, or not always. */
  readonly zeros: Int32Array;
  /** The function of a probe, which is in the literals, as its address; the word of the record that this goes to, or 0. */
  readonly functionWord: number;
  readonly functionHigh: number;
  readonly functionLow: number;
  /** Of each step: the first half of an address that was read last, as the text and as the number. */
  readonly halves: Float64Array;
  readonly halfValues: Uint32Array;
  /** The form that the next line of the same task had when it was last looked for. */
  next: LineForm | undefined;
}

export function isSameForm(a: LineForm, b: LineForm): boolean {
  return a.kind === b.kind && sameNumbers(a.steps, b.steps) && sameLiterals(a.literals, b.literals);
}

/** Makes the form of a line `[nameAt, end)` while it is read by the general way. */
export class LineFormBuilder implements BodyTrace {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  /** Where the literal begins that is being read. */
  private at: number;
  private isSpecial = false;
  private hasRest = false;
  private functionWord = 0;
  private readonly literals = new LiteralsBuilder();
  private readonly steps: number[] = [];
  private readonly fields: (PlacedField | undefined)[] = [];

  constructor(bytes: Uint8Array, nameAt: number, end: number) {
    this.bytes = bytes;
    this.at = nameAt;
    this.end = end;
  }

  /**
   * @param record the words of the record that was written of the line
   * @returns the form; `undefined` where the line can be read by the general way alone
   */
  build(kind: EventKind | undefined, record: Uint32Array): LineForm | undefined {
    if (!this.hasRest) this.step(this.end, this.end, STEP.end, 0);
    const { steps, fields, end, bytes } = this;
    const literals = this.literals.build();
    if (this.isSpecial || !literals || fields.length > MOST_STEPS) return undefined;
    if (bytes[end] === CARRIAGE_RETURN) return undefined;
    const zeros = Int32Array.from(kind ? this.unwritten(kind) : []);
    return {
      kind,
      literals,
      steps: Int32Array.from(steps),
      fields,
      zeros,
      functionWord: this.functionWord,
      functionHigh: record[this.functionWord + 1] as number,
      functionLow: record[this.functionWord] as number,
      halves: new Float64Array(fields.length).fill(Number.NaN),
      halfValues: new Uint32Array(fields.length),
      next: undefined,
    };
  }

  value(field: PlacedField, at: number, end: number, wordEnd: number): void {
    this.field(field, at, end, wordEnd, false);
  }

  placed(field: PlacedField, at: number, end: number): void {
    this.field(field, at, end, end, true);
  }

  unwanted(at: number, end: number): void {
    this.step(at, end, STEP.skip, 0);
  }

  word(at: number, end: number): void {
    const { bytes } = this;
    // Words with digits are numbers that are not wanted; the others are the same in each line.
    let isNumber = false;
    for (let i = at; i < end; i++) isNumber ||= isDigit(bytes[i]);
    if (!isNumber) return;
    if (bytes[at] === OPEN_SQUARE) this.special();
    else this.step(bytes[at] === OPEN ? at + 1 : at, end, STEP.word, 0);
  }

  codePlace(what: 'function' | 'caller', offset: number, at: number, end: number): void {
    const text = this.text(at, end);
    const isHex = text.length <= 16 && HEX_DIGITS.test(text);
    if (!/^[^<>()]+$/.test(text)) this.special();
    else if (what === 'function') this.functionWord = offset >> 2;
    else if (!isHex) this.step(at, end, STEP.caller, offset);
    else this.step(at, end, text.length === 16 ? STEP.address : STEP.hex, offset);
  }

  callSite(at: number, end: number): void {
    if (end === this.end) this.special();
    else this.step(at, end, STEP.callSite, 0);
  }

  rest(at: number): void {
    this.hasRest = true;
    this.step(at, at, STEP.rest, 0);
  }

  special(): void {
    this.isSpecial = true;
  }

  private field(field: PlacedField, at: number, end: number, wordEnd: number, isPlaced: boolean): void {
    const { bytes } = this;
    const { form, offset } = field;
    // Behind the value the word must end, else the general way alone knows where.
    const isWhole = end === wordEnd && at < end;
    // `(nil)` and no attributes at all are 0, as all fields are before they are written.
    if (!isPlaced && at === end && (form === 'hex' || (form === 'attributes' && at === wordEnd))) return;
    if (
      form === 'number' ||
      form === 'hex' ||
      form === 'pfn' ||
      form === 'rangeStart' ||
      form === 'rangeEnd'
    ) {
      this.number(field, at, end, isWhole);
    } else if (form === 'string' && bytes[at] !== QUOTE) {
      if (isWhole) this.step(at, end, isPlaced ? STEP.placedString : STEP.string, offset);
      else this.special();
    } else if (isPlaced) {
      this.special();
    } else if (form === 'place' || form === 'direction' || form === 'attributes') {
      if (!isWhole) this.special();
      else if (form === 'place' && !HEX_DIGITS.test(this.text(at, end)))
        this.step(at, end, STEP.place, offset);
      else if (form !== 'place') this.step(at, end, STEP[form], offset);
      else this.number(field, at, end, isWhole);
    } else {
      this.step(at, wordEnd, STEP.special, offset, field);
    }
  }

  private number({ form, offset }: PlacedField, at: number, end: number, isWhole: boolean): void {
    const { bytes } = this;
    const isPfn = form === 'pfn';
    if (!isWhole) {
      this.special();
    } else if (isPrefixedHex(bytes, at, this.end)) {
      // `0x` belongs to the literal.
      this.step(at + 2, end, isPfn ? STEP.hexPfn : end - at === 18 ? STEP.address : STEP.hex, offset);
    } else if (form === 'hex' || form === 'place') {
      this.step(at, end, end - at === 16 ? STEP.address : STEP.hex, offset);
    } else {
      this.step(at, end, isPfn ? STEP.decimalPfn : STEP.decimal, offset);
    }
  }

  private *unwritten(kind: EventKind): Generator<number> {
    const written = new Set<number>(this.functionWord > 0 ? [this.functionWord, this.functionWord + 1] : []);
    for (let i = 0; i < this.steps.length; i += STEP_NUMBERS) {
      const [, , what, word = 0] = this.steps.slice(i, i + STEP_NUMBERS);
      if (what === STEP.special) continue;
      written.add(word);
      // Of a string the place is a word, of all others the value is two.
      if (what !== STEP.string && what !== STEP.placedString) written.add(word + 1);
    }
    for (let word = 2; word < kind.fixedBytes >> 2; word++) if (!written.has(word)) yield word;
  }

  /** Ends the literal at `at`, behind which something stands up to `end`. */
  private step(at: number, end: number, what: number, offset: number, field?: PlacedField): void {
    const { bytes, literals, steps } = this;
    const length = at - this.at;
    // Two values without anything between would not be told apart.
    if (length === 0 && steps.length > 0 && what !== STEP.end && what !== STEP.rest) this.special();
    steps.push(length, literals.add(bytes, this.at, at), what, offset >> 2);
    this.fields.push(field);
    this.at = end;
  }

  private text(at: number, end: number): string {
    return Buffer.from(this.bytes.subarray(at, end)).toString('latin1');
  }
}
