import { grownFloats, grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';

/** Windows of time, one less of which are kept: with the last, each two become one. */
const WINDOWS = 16;

/** Maps, of any kind, in the first windows. */
const FIRST_PERIOD = 16;

const INITIAL_KINDS = 256;

/**
 * Mappings by the stack that made them, which is what a *kind* is here: how many there were over time, and how long they
 * lived. Time is counted in maps: a machine that does nothing does not leak.
 */
export class MappingKinds {
  made: Int32Array = new Int32Array(INITIAL_KINDS);
  ended: Int32Array = new Int32Array(INITIAL_KINDS);
  /** The longest life of those that have ended. */
  longestNs: Float64Array = new Float64Array(INITIAL_KINDS);
  /** When the youngest of those that have ended was made. */
  overtakenNs: Float64Array = new Float64Array(INITIAL_KINDS);
  /** The fewest live ones in the window at hand, and in each of those before. */
  low: Int32Array = new Int32Array(INITIAL_KINDS);
  private lows: Int32Array = new Int32Array(INITIAL_KINDS * WINDOWS);
  private windows = 0;
  /** Maps in each window, and those of the window at hand. */
  period = FIRST_PERIOD;
  maps = 0;
  private store = OWN_MEMORY;

  /** A mapping was made. */
  begin(kind: number): void {
    if (kind >= this.made.length) this.grow(roomFor(kind, this.made.length));
    this.made[kind] = (this.made[kind] as number) + 1;
    if (++this.maps === this.period) this.nextWindow();
  }

  /** A mapping has no page left. */
  end(kind: number, madeNs: number, nowNs: number): void {
    this.endMany(kind, 1, madeNs, madeNs, nowNs);
  }

  /** Mappings of a kind have no page left, of which the first was made at `oldestNs` and the last at `youngestNs`. */
  endMany(kind: number, count: number, oldestNs: number, youngestNs: number, nowNs: number): void {
    const ended = (this.ended[kind] as number) + count;
    this.ended[kind] = ended;
    const live = (this.made[kind] as number) - ended;
    if (live < (this.low[kind] as number)) this.low[kind] = live;
    if (nowNs - oldestNs > (this.longestNs[kind] as number)) this.longestNs[kind] = nowNs - oldestNs;
    if (youngestNs > (this.overtakenNs[kind] as number)) this.overtakenNs[kind] = youngestNs;
  }

  /** The fewest that lived in each window of the same length, the oldest first. */
  history(kind: number): number[] {
    return Array.from(this.lows.subarray(kind * WINDOWS, kind * WINDOWS + this.windows));
  }

  private nextWindow(): void {
    this.maps = 0;
    for (let kind = 0; kind < this.made.length; kind++) {
      this.lows[kind * WINDOWS + this.windows] = this.low[kind] as number;
      this.low[kind] = (this.made[kind] as number) - (this.ended[kind] as number);
    }
    if (++this.windows === WINDOWS) this.halve();
  }

  private halve(): void {
    for (let kind = 0; kind < this.made.length; kind++) {
      const first = kind * WINDOWS;
      for (let i = 0; i < WINDOWS / 2; i++) {
        const a = this.lows[first + 2 * i] as number;
        const b = this.lows[first + 2 * i + 1] as number;
        this.lows[first + i] = Math.min(a, b);
      }
    }
    this.windows = WINDOWS / 2;
    this.period *= 2;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.made.length);
  }

  private grow(size: number): void {
    const { store } = this;
    this.made = grownInts(this.made, size, store);
    this.ended = grownInts(this.ended, size, store);
    this.low = grownInts(this.low, size, store);
    this.lows = grownInts(this.lows, size * WINDOWS, store);
    this.longestNs = grownFloats(this.longestNs, size, store);
    this.overtakenNs = grownFloats(this.overtakenNs, size, store);
  }
}

function roomFor(kind: number, size: number): number {
  while (size <= kind) size *= 2;
  return size;
}
