import type { KernelEvents } from '../../kernel/events.ts';
import { type Moment, newMoment } from '../../kernel/moment.ts';
import type { Current } from '../threads/current.ts';
import type { Clock } from '../time/clock.ts';
import type { MachineNames } from './machine-names.ts';

/**
 * Where everything in the machine tells its events. An event costs time, so that no two have the same and their order
 * can be told from it.
 */
export class Emission {
  /** Who listens. `Machine.tellTo()` changes it. */
  sink: KernelEvents;
  readonly current: Current;
  readonly names: MachineNames;
  private readonly clock: Clock;
  private readonly costNs: number;
  private readonly at: Moment = newMoment();
  /** Events so far. */
  count = 0;

  constructor(sink: KernelEvents, clock: Clock, current: Current, names: MachineNames, costNs: number) {
    this.sink = sink;
    this.clock = clock;
    this.current = current;
    this.names = names;
    this.costNs = costNs;
  }

  /** The moment of the event that is told next; valid until the next one. */
  moment(): Moment {
    const { at, current, clock } = this;
    clock.advance(this.costNs);
    at.timeNs = clock.nowNs;
    at.cpu = current.cpu;
    at.pid = current.pid;
    at.context = current.context;
    at.stack = current.stack;
    at.position = this.count++;
    return at;
  }

  /** The time, without an event. */
  now(): number {
    return this.clock.nowNs;
  }

  /** Enters a function; the result is given to {@link leave}. */
  enter(symbol: number): number {
    const { current } = this;
    const caller = current.stack;
    current.stack = this.names.stacks.enter(caller, symbol);
    return caller;
  }

  leave(caller: number): void {
    this.current.stack = caller;
  }
}
