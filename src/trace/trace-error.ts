/** Characters of the input that a message quotes at most. */
const QUOTED = 40;

/** Text of the input for a message: in quotes, cut, and on one line whatever is in it. */
export function quoted(text: string): string {
  const cut = text.length > QUOTED ? `${text.slice(0, QUOTED)}...` : text;
  const escaped = cut.replace(
    /[^ -~]/g,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}

/** The first bytes of an input for a message: text as text, anything else in hexadecimal. */
export function preview(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 12);
  const newline = head.indexOf(10);
  const line = newline < 0 ? head : head.subarray(0, newline);
  return line.length > 0 && line.every(byte => byte >= 0x20 && byte < 0x7f)
    ? `the text "${String.fromCharCode(...line)}"`
    : `the bytes ${Array.from(head, byte => byte.toString(16).padStart(2, '0')).join(' ')}`;
}

/** Input that cannot be read: a fact about the input, not a fault of the program. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  /** The file as the caller named it. */
  readonly file: string;
  /** What is wrong, without the name of the file. */
  readonly problem: string;
  /** Byte offset at which reading failed, where there is one. */
  readonly offset: number | undefined;

  /** @param problem one clause that says what was found and what was expected there, and what to do about it */
  constructor(file: string, problem: string, offset?: number) {
    super(`${file}: ${problem}${offset === undefined ? '' : ` (at byte ${offset})`}`);
    this.file = file;
    this.problem = problem;
    this.offset = offset;
  }
}
