import type { KernelLog } from '../kernel-log.ts';
import { SOFT_LOCKUP_NS } from '../time/costs.ts';

/** The longest time that anything held a CPU without letting others run. */
export interface LongestHold {
  readonly thread: string;
  readonly cpu: number;
  readonly ns: number;
  /** Whether it was in a section that cannot be preempted, so that not even a preemptible kernel helps. */
  readonly atomic: boolean;
}

/** Accounts for how long CPUs are held, as the soft-lockup watchdog would. */
export class Holds {
  longest: LongestHold | undefined;
  private readonly log: KernelLog;
  private readonly locked = new Set<string>();

  constructor(log: KernelLog) {
    this.log = log;
  }

  /** A thread has held its CPU for `ns` by now. */
  held(thread: string, cpu: number, ns: number, atomic: boolean): void {
    if (ns > (this.longest?.ns ?? 0)) this.longest = { thread, cpu, ns, atomic };
    if (ns < SOFT_LOCKUP_NS || this.locked.has(thread)) return;
    this.locked.add(thread);
    const seconds = Math.floor(ns / 1e9);
    this.log.say(
      'err',
      'watchdog_timer_fn',
      `BUG: soft lockup - CPU#${cpu} stuck for ${seconds}s! [${thread}]`,
    );
  }
}
