import { type Moment, newMoment } from '../kernel/moment.ts';
import { grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';

export { grownFloats, grownInts } from '../kernel/store.ts';

/** Records that the columns of a table begin with. */
export const INITIAL_RECORDS = 1024;

/** 32-bit words of a moment, and where in it the integers are: behind two float64, its time and its position. */
const WORDS = 8;
const CPU = 4;
const PID = 5;
const CONTEXT = 6;
const STACK = 7;

/** Float64 of a moment, and where its position is; its time is first. */
const WIDES = 4;
const POSITION = 1;

/** Moments in a row: 32 bytes each, which lie together because they are written together, and no object. */
export class MomentColumns {
  /** Both are of the same memory. Replaced when it grows. */
  words: Int32Array = new Int32Array(INITIAL_RECORDS * WORDS);
  private wides: Float64Array = new Float64Array(this.words.buffer);
  private store = OWN_MEMORY;

  set(record: number, at: Readonly<Moment>): void {
    const { words, wides } = this;
    const wide = record * WIDES;
    const word = record * WORDS;
    wides[wide] = at.timeNs;
    wides[wide + POSITION] = at.position;
    words[word + CPU] = at.cpu;
    words[word + PID] = at.pid;
    words[word + CONTEXT] = at.context;
    words[word + STACK] = at.stack;
  }

  get(record: number): Moment {
    const at = newMoment();
    at.timeNs = this.wides[record * WIDES] as number;
    at.position = this.wides[record * WIDES + POSITION] as number;
    at.cpu = this.words[record * WORDS + CPU] as number;
    at.pid = this.words[record * WORDS + PID] as number;
    at.context = this.words[record * WORDS + CONTEXT] as number;
    at.stack = this.words[record * WORDS + STACK] as number;
    return at;
  }

  /** Copies a record from other columns. */
  copy(record: number, from: MomentColumns, fromRecord: number): void {
    const { words, wides } = this;
    wides[record * WIDES] = from.wides[fromRecord * WIDES] as number;
    wides[record * WIDES + POSITION] = from.wides[fromRecord * WIDES + POSITION] as number;
    for (let i = CPU; i <= STACK; i++)
      words[record * WORDS + i] = from.words[fromRecord * WORDS + i] as number;
  }

  stackOf(record: number): number {
    return this.words[record * WORDS + STACK] as number;
  }

  get bytes(): number {
    return this.words.byteLength;
  }

  timeOf(record: number): number {
    return this.wides[record * WIDES] as number;
  }

  grow(size: number): void {
    this.words = grownInts(this.words, size * WORDS, this.store);
    this.wides = new Float64Array(this.words.buffer, this.words.byteOffset, size * WIDES);
  }

  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.words.length / WORDS);
  }
}
