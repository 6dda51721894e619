import type { BodyTrace, PlacedField } from './body-trace.ts';
import type { EventKind } from './event-kind.ts';
import { CARRIAGE_RETURN, isDigit, isPrefixedHex, OPEN, OPEN_SQUARE, QUOTE } from './scan.ts';

/** What stands behind the literal of a step. */
export const STEP = {
  /** The end of the line. */
  end: 0,
  /** Anything up to the end of the line. */
  rest: 1,
  /** Hexadecimal digits, at most 16. */
  hex: 2,
  /** Decimal digits, at most 15, perhaps behind a minus. */
  decimal: 3,
  /** The same of a page frame number: 0 stands for -1. */
  hexPfn: 4,
  decimalPfn: 5,
  /** What no field wants up to a space. */
  skip: 6,
  /** A word without `=` that no field wants. */
  word: 7,
  /** A string up to a space; the same for a field by its place, which has no `=`. */
  string: 8,
  placedString: 9,
  /** A word that stands for a number. */
  place: 10,
  direction: 11,
  attributes: 12,
  /** A value that {@link EventKind.encodeOne} reads. */
  special: 13,
  /** The function of a probe as digits, which must be that of the line before. */
  functionHex: 14,
  /** The function of a probe, or its caller, before `)` or ` <- `. */
  function: 15,
  caller: 16,
  /** Anything up to `)`. */
  callSite: 17,
} as const;

/** Numbers of a step: where its literal is among all words and how many whole ones it has, mask and bytes of its last one, what stands behind, and the word of the record that this goes to. */
export const STEP_NUMBERS = 6;

/** Bytes of literals, and steps, at most: of a line of more the form is not learnt. */
const MOST_LITERAL = 1024;
const MOST_STEPS = 80;

const HEX_DIGITS = /^[0-9a-f]+$/;

/** The form of the lines of one kind of event from the name on: what is the same in all of them, and what stands between. */
export interface LineForm {
  /** `undefined` for the line that a stack begins with. */
  readonly kind: EventKind | undefined;
  /** The literals, in words of four bytes. */
  readonly literals: Int32Array;
  /** {@link STEP_NUMBERS} for each step. */
  readonly steps: Int32Array;
  /** The field of each step that is special. */
  readonly fields: readonly (PlacedField | undefined)[];
}

export function isSameForm(a: LineForm, b: LineForm): boolean {
  return a.kind === b.kind && sameNumbers(a.steps, b.steps) && sameNumbers(a.literals, b.literals);
}

function sameNumbers(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Makes the form of a line `[nameAt, end)` while it is read by the general way. */
export class LineFormBuilder implements BodyTrace {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  /** Where the literal begins that is being read. */
  private at: number;
  private isSpecial = false;
  private hasRest = false;
  private readonly literals: number[] = [];
  private readonly steps: number[] = [];
  private readonly fields: (PlacedField | undefined)[] = [];

  constructor(bytes: Uint8Array, nameAt: number, end: number) {
    this.bytes = bytes;
    this.at = nameAt;
    this.end = end;
  }

  /** The form; `undefined` where the line can be read by the general way alone. */
  build(kind: EventKind | undefined): LineForm | undefined {
    if (!this.hasRest) this.step(this.end, this.end, STEP.end, 0);
    const { literals, steps, fields, end, bytes } = this;
    if (this.isSpecial || literals.length * 4 > MOST_LITERAL || fields.length > MOST_STEPS) return undefined;
    if (bytes[end] === CARRIAGE_RETURN) return undefined;
    return { kind, literals: Int32Array.from(literals), steps: Int32Array.from(steps), fields };
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
    else if (what === 'function') this.step(at, end, isHex ? STEP.functionHex : STEP.function, offset);
    else this.step(at, end, isHex ? STEP.hex : STEP.caller, offset);
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
      this.step(at + 2, end, isPfn ? STEP.hexPfn : STEP.hex, offset);
    } else if (form === 'hex' || form === 'place') {
      this.step(at, end, STEP.hex, offset);
    } else {
      this.step(at, end, isPfn ? STEP.decimalPfn : STEP.decimal, offset);
    }
  }

  /** Ends the literal at `at`, behind which something stands up to `end`. */
  private step(at: number, end: number, what: number, offset: number, field?: PlacedField): void {
    const { bytes, literals, steps } = this;
    const length = at - this.at;
    // Two values without anything between would not be told apart.
    if (length === 0 && steps.length > 0 && what !== STEP.end && what !== STEP.rest) this.special();
    const first = literals.length;
    for (let i = 0; i < length; i += 4) {
      let word = 0;
      for (let k = 0; k < 4 && i + k < length; k++) word |= (bytes[this.at + i + k] as number) << (8 * k);
      literals.push(word);
    }
    const left = length % 4;
    steps.push(first, length >> 2, left === 0 ? 0 : 2 ** (8 * left) - 1, left, what, offset >> 2);
    this.fields.push(field);
    this.at = end;
  }

  private text(at: number, end: number): string {
    return Buffer.from(this.bytes.subarray(at, end)).toString('latin1');
  }
}
