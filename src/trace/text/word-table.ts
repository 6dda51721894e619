/** Bytes of a text at most that is kept, and words of each. */
const MOST_BYTES = 64;
const WORDS = MOST_BYTES / 4;

/**
 * Texts of up to 64 bytes with a number of 64 bits each, found by their bytes without making a string: what was met
 * lately, for a fixed number of texts. One that is not found may have been forgotten.
 */
export class WordTable {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  private readonly mask: number;
  private readonly lengths: Int32Array;
  private readonly words: Int32Array;

  /** @param size how many texts, a power of 2 */
  constructor(size: number) {
    this.mask = size - 1;
    this.highs = new Uint32Array(size);
    this.lows = new Uint32Array(size);
    this.lengths = new Int32Array(size);
    this.words = new Int32Array(size * WORDS);
  }

  /** The index of the text of `length` bytes at `at`, or -1. Up to 3 bytes behind it are read. */
  find(view: DataView, at: number, length: number): number {
    if (length === 0 || length > MOST_BYTES) return -1;
    const index = this.indexOf(view, at, length);
    if (this.lengths[index] !== length) return -1;
    const { words } = this;
    const whole = length >> 2;
    let word = index * WORDS;
    for (const end = word + whole; word < end; word++, at += 4) {
      if (words[word] !== view.getInt32(at, true)) return -1;
    }
    const left = length & 3;
    if (left !== 0 && words[word] !== (view.getInt32(at, true) & ((1 << (8 * left)) - 1))) return -1;
    return index;
  }

  /** Keeps a text with its number, and forgets the one in its place. */
  set(view: DataView, at: number, length: number, high: number, low: number): void {
    if (length === 0 || length > MOST_BYTES) return;
    const index = this.indexOf(view, at, length);
    this.lengths[index] = length;
    this.highs[index] = high;
    this.lows[index] = low;
    for (let i = 0; i < length; i += 4) {
      const word = view.getInt32(at + i, true);
      const left = length - i;
      this.words[index * WORDS + (i >> 2)] = left >= 4 ? word : word & ((1 << (8 * left)) - 1);
    }
  }

  private indexOf(view: DataView, at: number, length: number): number {
    // The first, the last and the middle of a text: places in one function differ at their end.
    let hash = length;
    if (length >= 4) {
      hash ^= view.getInt32(at, true);
      hash = Math.imul(hash, 0x9e3779b1) ^ view.getInt32(at + (length >> 1) - 2, true);
      hash = Math.imul(hash, 0x85ebca77) ^ view.getInt32(at + length - 4, true);
    } else {
      hash ^= view.getInt32(at, true) & ((1 << (8 * length)) - 1);
    }
    hash = Math.imul(hash, 0x9e3779b1);
    return ((hash >>> 15) ^ (hash >>> 3)) & this.mask;
  }
}
