/** What a thread waits for before it can go on. */
export interface Wait {
  readonly what: string;
  readonly until: () => boolean;
  /** When it goes on at the latest; absent where time does not end the wait. */
  readonly untilNs?: number;
}

/**
 * Where a thread stopped: the name of a place at which a real CPU could be interrupted, or what it waits for. The names
 * are part of the library: whoever tries other orders tells places apart by them.
 */
export type Stop = string | Wait;

/** Code of the simulated kernel that can be interrupted: `yield` marks the places, `yield*` calls other such code. */
export type Kernel<T = void> = Generator<Stop, T, void>;

/** What may interrupt what on one CPU. */
export type Level = 'task' | 'softirq' | 'hardirq';

/** A thread of execution: a task, or an interrupt. */
export class Thread<T = unknown> {
  readonly name: string;
  readonly pid: number;
  readonly cpu: number;
  readonly level: Level;
  /** Where it stands. */
  stop: Stop | undefined;
  isDone = false;
  result: T | undefined;
  /** Its kernel stack, as an id of the machine's names, while another thread runs. */
  stack = 0;
  /** Depth of sections that no other task of this CPU may interrupt: `preempt_disable()`, spinlocks. */
  atomicDepth = 0;
  /** Time that it has held its CPU since it last let others run. */
  heldNs = 0;
  private readonly body: Kernel<T>;

  constructor(name: string, pid: number, cpu: number, level: Level, body: Kernel<T>) {
    this.name = name;
    this.pid = pid;
    this.cpu = cpu;
    this.level = level;
    this.body = body;
  }

  /** Runs to the next stop or to the end. */
  resume(): void {
    const { done, value } = this.body.next();
    if (done) {
      this.isDone = true;
      this.stop = undefined;
      this.result = value as T;
    } else {
      this.stop = value;
    }
  }
}
