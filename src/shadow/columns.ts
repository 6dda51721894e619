import { type Moment, newMoment } from '../kernel/moment.ts';
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

  /** Makes the record tell of nothing, until it is {@link set}. */
  clear(record: number): void {
    this.wides[record * MOMENT_WIDES] = Number.NaN;
  }

  isClear(record: number): boolean {
    return Number.isNaN(this.wides[record * MOMENT_WIDES] as number);
  }

  get(record: number): Moment {
    const at = newMoment();
    at.timeNs = this.wides[record * MOMENT_WIDES] as number;
    at.position = this.wides[record * MOMENT_WIDES + POSITION] as number;
    at.cpu = this.words[record * MOMENT_WORDS + CPU] as number;
    at.pid = this.words[record * MOMENT_WORDS + PID] as number;
    at.context = this.words[record * MOMENT_WORDS + CONTEXT] as number;
    at.stack = this.words[record * MOMENT_WORDS + MOMENT_STACK] as number;
    return at;
  }

  /** Copies a record from other columns. */
  copy(record: number, from: MomentColumns, fromRecord: number): void {
    const { words, wides } = this;
    const { words: otherWords, wides: otherWides } = from;
    const word = record * MOMENT_WORDS;
    const otherWord = fromRecord * MOMENT_WORDS;
    wides[record * MOMENT_WIDES] = otherWides[fromRecord * MOMENT_WIDES] as number;
    wides[record * MOMENT_WIDES + POSITION] = otherWides[fromRecord * MOMENT_WIDES + POSITION] as number;
    words[word + CPU] = otherWords[otherWord + CPU] as number;
    words[word + PID] = otherWords[otherWord + PID] as number;
    words[word + CONTEXT] = otherWords[otherWord + CONTEXT] as number;
    words[word + MOMENT_STACK] = otherWords[otherWord + MOMENT_STACK] as number;
  }

  /** Copies `count` records of other columns into a ring of `mask + 1` records, from `start` on. */
  copyMany(start: number, mask: number, from: MomentColumns, ids: Int32Array, count: number): void {
    const { words, wides } = this;
    const { words: otherWords, wides: otherWides } = from;
    for (let i = 0, record = start; i < count; i++, record = (record + 1) & mask) {
      const id = ids[i] as number;
      const wide = record * MOMENT_WIDES;
      const word = record * MOMENT_WORDS;
      const otherWide = id * MOMENT_WIDES;
      const otherWord = id * MOMENT_WORDS;
      wides[wide] = otherWides[otherWide] as number;
      wides[wide + POSITION] = otherWides[otherWide + POSITION] as number;
      words[word + CPU] = otherWords[otherWord + CPU] as number;
      words[word + PID] = otherWords[otherWord + PID] as number;
      words[word + CONTEXT] = otherWords[otherWord + CONTEXT] as number;
      words[word + MOMENT_STACK] = otherWords[otherWord + MOMENT_STACK] as number;
    }
  }

  /** The same moment for `count` records of a ring of `mask + 1`, from `start` on. */
  setMany(start: number, mask: number, count: number, at: Readonly<Moment>): void {
    const { words, wides } = this;
    const { timeNs, position, cpu, pid, context, stack } = at;
    for (let i = 0, record = start; i < count; i++, record = (record + 1) & mask) {
      const wide = record * MOMENT_WIDES;
      const word = record * MOMENT_WORDS;
      wides[wide] = timeNs;
      wides[wide + POSITION] = position;
      words[word + CPU] = cpu;
      words[word + PID] = pid;
      words[word + CONTEXT] = context;
      words[word + MOMENT_STACK] = stack;
    }
  }

  stackOf(record: number): number {
    return this.words[record * MOMENT_WORDS + MOMENT_STACK] as number;
  }

  get bytes(): number {
    return this.words.byteLength;
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
