/**
 * Windows of time in which events of a CPU are missing, counted as they close: what was seen before such a window and
 * what is seen behind it need not belong together.
 */
export class LossWindows {
  /** Ends of the windows that are open. */
  private readonly open: number[] = [];
  /** When the first open window ends. */
  firstEndNs = Number.POSITIVE_INFINITY;
  /** Windows that have ended. */
  closed = 0;

  /** A window was told of; it ends with the event at `untilNs`. */
  add(untilNs: number): void {
    this.open.push(untilNs);
    if (untilNs < this.firstEndNs) this.firstEndNs = untilNs;
  }

  /** How many windows have ended at or before this time, which never goes back. */
  closedBy(timeNs: number): number {
    if (timeNs < this.firstEndNs) return this.closed;
    let kept = 0;
    this.firstEndNs = Number.POSITIVE_INFINITY;
    for (const untilNs of this.open) {
      if (untilNs <= timeNs) this.closed++;
      else {
        this.open[kept++] = untilNs;
        if (untilNs < this.firstEndNs) this.firstEndNs = untilNs;
      }
    }
    this.open.length = kept;
    return this.closed;
  }
}
