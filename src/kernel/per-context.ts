/** Threads of execution for which something is kept: tasks come and go for days on a live kernel. */
const KEPT = 65_536;

/** Threads that are found without a look into the map: as many as may take turns, one per CPU and interrupt level. */
const RECENT = 64;

/** What is kept for each thread of execution, see `Moment.context`. The events of several CPUs take turns. */
export class PerContext<T> {
  private readonly make: () => T;
  private readonly isIdle: (kept: T) => boolean;
  private readonly byContext = new Map<number, T>();
  private readonly recentContexts: number[] = new Array(RECENT).fill(Number.NaN);
  private readonly recent: T[] = [];

  /**
   * @param make what is kept for a thread that was not seen before
   * @param isIdle whether what is kept says nothing any more: it is forgotten when there are too many threads
   */
  constructor(make: () => T, isIdle: (kept: T) => boolean) {
    this.make = make;
    this.isIdle = isIdle;
    for (let i = 0; i < RECENT; i++) this.recent.push(make());
  }

  of(context: number): T {
    const slot = context & (RECENT - 1);
    return this.recentContexts[slot] === context ? (this.recent[slot] as T) : this.find(context, slot);
  }

  values(): IterableIterator<T> {
    return this.byContext.values();
  }

  private find(context: number, slot: number): T {
    let kept = this.byContext.get(context);
    if (kept === undefined) {
      if (this.byContext.size >= KEPT) this.forgetIdle();
      kept = this.make();
      this.byContext.set(context, kept);
    }
    this.recentContexts[slot] = context;
    this.recent[slot] = kept;
    return kept;
  }

  private forgetIdle(): void {
    for (const [context, kept] of this.byContext) if (this.isIdle(kept)) this.byContext.delete(context);
    this.recentContexts.fill(Number.NaN);
  }
}
