/**
 * Texts to compare bytes with, eight or four at once. Those of 8 bytes or more are float64 values in a row, the last of
 * which is of the last 8 bytes; of 4 to 7 bytes they are two words, the second of the last 4; the others are a word. All
 * are of ASCII without NUL, of which float64 values are equal if and only if the bytes are.
 */
export interface Literals {
  readonly doubles: Float64Array;
  readonly words: Int32Array;
}

/** Bytes of literals of one form at most. */
const MOST_BYTES = 1024;

export class LiteralsBuilder {
  private readonly doubles: number[] = [];
  private readonly words: number[] = [];
  private bytes = 0;
  private isAscii = true;

  /** Adds the text `[at, end)`, and returns where it is among those of its length. */
  add(bytes: Uint8Array, at: number, end: number): number {
    const text = Uint8Array.from(bytes.subarray(at, end));
    const view = new DataView(text.buffer);
    const { length } = text;
    this.isAscii &&= text.every(byte => byte > 0 && byte < 0x80);
    this.bytes += length;
    const { doubles, words } = this;
    const first = length >= 8 ? doubles.length : words.length;
    if (length >= 8) {
      for (let i = 0; i < length - 8; i += 8) doubles.push(view.getFloat64(i, true));
      doubles.push(view.getFloat64(length - 8, true));
    } else if (length >= 4) {
      words.push(view.getInt32(0, true), view.getInt32(length - 4, true));
    } else {
      words.push(text.reduceRight((word, byte) => (word << 8) | byte, 0));
    }
    return first;
  }

  /** `undefined` for bytes that are compared otherwise, and for too many. */
  build(): Literals | undefined {
    if (!this.isAscii || this.bytes > MOST_BYTES) return undefined;
    return { doubles: Float64Array.from(this.doubles), words: Int32Array.from(this.words) };
  }
}

export function sameLiterals(a: Literals, b: Literals): boolean {
  return sameNumbers(a.doubles, b.doubles) && sameNumbers(a.words, b.words);
}

export function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
