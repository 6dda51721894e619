import type { Clock } from './clock.ts';

/** A timer that was started; {@link Timers.cancel} takes it. */
export interface Timer {
  readonly dueNs: number;
  readonly run: () => void;
}

/**
 * `timer_list` and delayed work of the simulated kernel: what is due runs between two steps of threads, in the order
 * of its time, and of its start where times are equal.
 */
export class Timers {
  private readonly clock: Clock;
  /** Sorted by time, the next one last. */
  private readonly pending: Timer[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** When the next timer is due; `Infinity` where none is pending. */
  get nextNs(): number {
    return this.pending.at(-1)?.dueNs ?? Number.POSITIVE_INFINITY;
  }

  /** `mod_timer()`: calls `run` once, `delayNs` from now. */
  after(delayNs: number, run: () => void): Timer {
    const timer: Timer = { dueNs: this.clock.nowNs + delayNs, run };
    let at = this.pending.length;
    while (at > 0 && (this.pending[at - 1] as Timer).dueNs <= timer.dueNs) at--;
    this.pending.splice(at, 0, timer);
    return timer;
  }

  cancel(timer: Timer): void {
    const at = this.pending.indexOf(timer);
    if (at >= 0) this.pending.splice(at, 1);
  }

  /** Runs every timer whose time has come. */
  runDue(): void {
    while (this.nextNs <= this.clock.nowNs) this.pending.pop()?.run();
  }
}
