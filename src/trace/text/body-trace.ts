import type { FieldForm } from './event-forms.ts';

/** A field with its place in the record. */
export interface PlacedField extends FieldForm {
  readonly offset: number;
}

/**
 * Told by `EventKind.encode` how it takes the body of a line to pieces, so that the lines that follow can be read by
 * their form alone, see `LineForm`. Bytes that it is not told of are the same in each line of this form. Positions are
 * those of the line; each call is for bytes behind those of the call before.
 */
export interface BodyTrace {
  /** The value `[at, end)` of a field, behind `key=`, in a word that ends at `wordEnd`. */
  value(field: PlacedField, at: number, end: number, wordEnd: number): void;
  /** The word `[at, end)` that is the value of a field by its place. */
  placed(field: PlacedField, at: number, end: number): void;
  /** The value `[at, end)`, behind `key=`, that no field wants. */
  unwanted(at: number, end: number): void;
  /** The word `[at, end)`, without `=`, that no field wants. */
  word(at: number, end: number): void;
  /** The function that a probe sits on, or its caller, in `[at, end)`, whose address goes to `offset`. */
  codePlace(what: 'function' | 'caller', offset: number, at: number, end: number): void;
  /** The call site `[at, end)` between parentheses, which is not wanted. */
  callSite(at: number, end: number): void;
  /** Nothing behind `at` is wanted. */
  rest(at: number): void;
  /** Something that only the general way of reading knows. */
  special(): void;
}
