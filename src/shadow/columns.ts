import type { Moment } from '../kernel/moment.ts';
import { grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';

export { grownFloats, grownInts } from '../kernel/store.ts';

/** Records that the columns of a table begin with. */
export const INITIAL_RECORDS = 1024;

/** 32-bit words of a moment, and where in it the integers are: behind two float64, its time and its position. */
export const MOMENT_WORDS = 8;
const CPU = 4;
const PID = 5;
const CONTEXT = 6;
export const MOMENT_STACK = 7;

/** Float64 of a moment, and where its position is; its time is first. */
export const MOMENT_WIDES = 4;
const POSITION = 1;

/** Moments in a row: 32 bytes each, which lie together because they are written together, and no object. */
export class MomentColumns {
  /** Both are of the same memory. Replaced when it grows. */
  words: Int32Array = new Int32Array(INITIAL_RECORDS * MOMENT_WORDS);
  wides: Float64Array = new Float64Array(this.words.buffer);
  private store = OWN_MEMORY;

  set(record: number, at: Readonly<Moment>): void {
    const { words, wides } = this;
    const wide = record * MOMENT_WIDES;
    const word = record * MOMENT_WORDS;
    wides[wide] = at.timeNs;
    wides[wide + POSITION] = at.position;
    words[word + CPU] = at.cpu;
    words[word + PID] = at.pid;
    words[word + CONTEXT] = at.context;
    words[word + MOMENT_STACK] = at.stack;
  }

  get(record: number): Moment {
    return readMoment(this.wides, this.words, record * MOMENT_WIDES);
  }

  stackOf(record: number): number {
    return this.words[record * MOMENT_WORDS + MOMENT_STACK] as number;
  }

  timeOf(record: number): number {
    return this.wides[record * MOMENT_WIDES] as number;
  }

  grow(size: number): void {
    this.words = grownInts(this.words, size * MOMENT_WORDS, this.store);
    this.wides = new Float64Array(this.words.buffer, this.words.byteOffset, size * MOMENT_WIDES);
  }

  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.words.length / MOMENT_WORDS);
  }
}

/** The moment at a float64 of a memory, in the words of which it is laid out as in {@link MomentColumns}. */
export function readMoment(wides: Float64Array, words: Int32Array, wide: number): Moment {
  const word = wide * 2;
  return {
    timeNs: wides[wide] as number,
    cpu: words[word + CPU] as number,
    pid: words[word + PID] as number,
    context: words[word + CONTEXT] as number,
    stack: words[word + MOMENT_STACK] as number,
    position: wides[wide + POSITION] as number,
  };
}

/** Copies a record of columns to a float64 of a memory. */
export function copyMoment(
  wides: Float64Array,
  words: Int32Array,
  wide: number,
  from: MomentColumns,
  record: number,
): void {
  const word = wide * 2;
  const fromWide = record * MOMENT_WIDES;
  const fromWord = record * MOMENT_WORDS;
  wides[wide] = from.wides[fromWide] as number;
  wides[wide + POSITION] = from.wides[fromWide + POSITION] as number;
  words[word + CPU] = from.words[fromWord + CPU] as number;
  words[word + PID] = from.words[fromWord + PID] as number;
  words[word + CONTEXT] = from.words[fromWord + CONTEXT] as number;
  words[word + MOMENT_STACK] = from.words[fromWord + MOMENT_STACK] as number;
}
