import { type Moment, newMoment } from '../kernel/moment.ts';

/** Records that the columns of a table begin with. */
export const INITIAL_RECORDS = 1024;

/** A copy of a column with room for `size` records. */
export function grownInts(from: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const into = new Int32Array(size);
  into.set(from);
  return into;
}

/** A copy of a column with room for `size` records. */
export function grownFloats(from: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> {
  const into = new Float64Array(size);
  into.set(from);
  return into;
}

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
  private words = new Int32Array(INITIAL_RECORDS * WORDS);
  private wides = new Float64Array(this.words.buffer);

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
    this.words = grownInts(this.words, size * WORDS);
    this.wides = new Float64Array(this.words.buffer);
  }
}
