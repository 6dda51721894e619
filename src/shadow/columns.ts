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

/** Moments as columns: 32 bytes each, and no object. */
export class MomentColumns {
  private timeNs = new Float64Array(INITIAL_RECORDS);
  private position = new Float64Array(INITIAL_RECORDS);
  private cpu = new Int32Array(INITIAL_RECORDS);
  private pid = new Int32Array(INITIAL_RECORDS);
  private context = new Int32Array(INITIAL_RECORDS);
  private stack = new Int32Array(INITIAL_RECORDS);

  set(record: number, at: Readonly<Moment>): void {
    this.timeNs[record] = at.timeNs;
    this.position[record] = at.position;
    this.cpu[record] = at.cpu;
    this.pid[record] = at.pid;
    this.context[record] = at.context;
    this.stack[record] = at.stack;
  }

  get(record: number): Moment {
    const at = newMoment();
    at.timeNs = this.timeNs[record] as number;
    at.position = this.position[record] as number;
    at.cpu = this.cpu[record] as number;
    at.pid = this.pid[record] as number;
    at.context = this.context[record] as number;
    at.stack = this.stack[record] as number;
    return at;
  }

  /** Copies a record from other columns. */
  copy(record: number, from: MomentColumns, fromRecord: number): void {
    this.timeNs[record] = from.timeNs[fromRecord] as number;
    this.position[record] = from.position[fromRecord] as number;
    this.cpu[record] = from.cpu[fromRecord] as number;
    this.pid[record] = from.pid[fromRecord] as number;
    this.context[record] = from.context[fromRecord] as number;
    this.stack[record] = from.stack[fromRecord] as number;
  }

  stackOf(record: number): number {
    return this.stack[record] as number;
  }

  timeOf(record: number): number {
    return this.timeNs[record] as number;
  }

  grow(size: number): void {
    this.timeNs = grownFloats(this.timeNs, size);
    this.position = grownFloats(this.position, size);
    this.cpu = grownInts(this.cpu, size);
    this.pid = grownInts(this.pid, size);
    this.context = grownInts(this.context, size);
    this.stack = grownInts(this.stack, size);
  }
}
