import { grownFloats, OWN_MEMORY, type Store } from './store.ts';

/** Threads of execution for which something is kept: tasks come and go for days on a live kernel. */
const KEPT = 65_536;

/** Threads that are found without a look into the map: as many as may take turns, one per CPU and interrupt level. */
const RECENT = 64;

/** Rows that there is room for at first. */
const INITIAL_ROWS = 64;

/** Rows of numbers, one for each thread of execution. */
export class ContextRows {
  /** Numbers of a row. */
  readonly width: number;
  /** Replaced when it grows. */
  wides: Float64Array;
  private store = OWN_MEMORY;

  constructor(width: number) {
    this.width = width;
    this.wides = new Float64Array(INITIAL_ROWS * width);
  }

  /** Makes room for a row. */
  reserve(row: number): void {
    if ((row + 1) * this.width <= this.wides.length) return;
    this.wides = grownFloats(this.wides, this.wides.length * 2, this.store);
  }

  moveTo(store: Store): void {
    this.store = store;
    this.wides = grownFloats(this.wides, this.wides.length, store);
  }
}

/** What is kept for a thread of execution, in a row of its own. */
export interface InRow {
  readonly row: number;
  /** Makes it what is kept of a thread that was not seen before. */
  reset(): void;
  /** Whether it says nothing any more: it is forgotten when there are too many threads. */
  isIdle(): boolean;
}

/** What is kept for each thread of execution, see `Moment.context`. The events of several CPUs take turns. */
export class PerContext<T extends InRow> {
  readonly rows: ContextRows;
  /** The thread in each place of the {@link RECENT}, by the lowest bits of its number, and its row; 0 is no thread. */
  recentContexts: Int32Array = new Int32Array(RECENT);
  recentRows: Int32Array = new Int32Array(RECENT);
  private readonly make: (rows: ContextRows, row: number) => T;
  private readonly byContext = new Map<number, T>();
  private readonly recent: (T | undefined)[] = new Array(RECENT).fill(undefined);
  private readonly free: T[] = [];
  private count = 0;

  /**
   * @param width numbers that are kept for a thread
   * @param make an object that stands for a row
   */
  constructor(width: number, make: (rows: ContextRows, row: number) => T) {
    this.rows = new ContextRows(width);
    this.make = make;
  }

  of(context: number): T {
    const slot = context & (RECENT - 1);
    const recent = this.recentContexts[slot] === context ? this.recent[slot] : undefined;
    return recent ?? this.find(context, slot);
  }

  values(): IterableIterator<T> {
    return this.byContext.values();
  }

  /** Gives the rows their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.rows.moveTo(store);
    for (const column of ['recentContexts', 'recentRows'] as const) {
      const moved = store.ints(RECENT);
      moved.set(this[column]);
      this[column] = moved;
    }
  }

  private find(context: number, slot: number): T {
    let kept = this.byContext.get(context);
    if (kept === undefined) {
      if (this.byContext.size >= KEPT) this.forgetIdle();
      kept = this.free.pop() ?? this.add();
      kept.reset();
      this.byContext.set(context, kept);
    }
    this.recentContexts[slot] = context;
    this.recentRows[slot] = kept.row;
    this.recent[slot] = kept;
    return kept;
  }

  private add(): T {
    const row = this.count++;
    this.rows.reserve(row);
    return this.make(this.rows, row);
  }

  private forgetIdle(): void {
    for (const [context, kept] of this.byContext) {
      if (!kept.isIdle()) continue;
      this.byContext.delete(context);
      this.free.push(kept);
    }
    this.recentContexts.fill(0);
    this.recent.fill(undefined);
  }
}
