/** Nanoseconds since boot. Work advances it; a thread or a CPU accounts for the work that it did itself. */
export class Clock {
  nowNs = 0;

  /** Time passes. */
  advance(ns: number): void {
    this.nowNs += ns;
  }
}
