import { MachineError } from '../machine-error.ts';
import type { Clock } from '../time/clock.ts';
import type { Timers } from '../time/timers.ts';
import type { Current } from './current.ts';
import type { Holds } from './holds.ts';
import { Random } from './random.ts';
import { type Kernel, type Level, Thread, type Wait } from './thread.ts';

export interface SpawnOptions {
  /** Default 0. */
  readonly cpu?: number;
  /** Default `task`. */
  readonly level?: Level;
  /** Default the next free one. */
  readonly pid?: number;
}

/** A higher level interrupts a lower one. */
const RANK: Readonly<Record<Level, number>> = { task: 0, softirq: 1, hardirq: 2 };

/**
 * Runs threads one step at a time, from stop to stop, in an order that a seed decides. One thread runs at any moment:
 * what several CPUs do at the same time is some order of their steps.
 */
export class Scheduler {
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly current: Current;
  private readonly holds: Holds;
  private readonly random: Random;
  private readonly threads: Thread[] = [];
  /** Threads that can run, while one of them is chosen. */
  private readonly ready: Thread[] = [];
  private readonly nameTask: (pid: number, name: string) => void;
  private running: Thread | undefined;
  private nextPid = 100;

  constructor(
    clock: Clock,
    timers: Timers,
    current: Current,
    holds: Holds,
    seed: number,
    nameTask: (pid: number, name: string) => void,
  ) {
    this.clock = clock;
    this.timers = timers;
    this.current = current;
    this.holds = holds;
    this.random = new Random(seed);
    this.nameTask = nameTask;
  }

  /** Makes a thread; it runs when it is stepped. */
  spawn<T>(name: string, body: Kernel<T>, options: SpawnOptions = {}): Thread<T> {
    const { cpu = 0, level = 'task', pid = level === 'task' ? this.nextPid++ : 0 } = options;
    const thread = new Thread(name, pid, cpu, level, body);
    if (level === 'task') this.nameTask(pid, name);
    this.threads.push(thread);
    return thread;
  }

  /** Runs a thread to its next stop, whatever others do. */
  step(thread: Thread): void {
    if (thread.isDone) throw new MachineError(`${thread.name} is at its end already`);
    const before = this.running;
    const { cpu, pid, level, stack } = this.current;
    this.current.become(thread.pid, thread.cpu, thread.level, thread.stack);
    this.running = thread;
    thread.resume();
    thread.stack = this.current.stack;
    // A task that can be preempted lets others run wherever it stops; the rest holds its CPU to the end of the section.
    if (thread.isDone || (thread.atomicDepth === 0 && thread.level === 'task')) thread.heldNs = 0;
    if (thread.isDone) this.threads.splice(this.threads.indexOf(thread), 1);
    this.running = before;
    this.current.become(pid, cpu, level, stack);
    this.timers.runDue();
  }

  /** Runs a thread until it stops at the place of this name. */
  stepTo(thread: Thread, place: string): void {
    while (thread.stop !== place) {
      if (thread.isDone) throw new MachineError(`${thread.name} ended without a stop at "${place}"`);
      this.step(thread);
    }
  }

  /** Runs one thread to its end; where it waits, the others run. */
  finish<T>(thread: Thread<T>): T {
    while (!thread.isDone) {
      if (this.canRun(thread)) this.step(thread);
      else if (!this.stepAny()) this.idle(thread.stop);
    }
    return thread.result as T;
  }

  /** Runs all threads to their ends, in a random order. */
  run(): void {
    while (this.threads.length > 0) if (!this.stepAny()) this.idle(this.threads[0]?.stop);
  }

  /** Time passes without anybody's work; timers that become due run. */
  sleep(ns: number): void {
    const untilNs = this.clock.nowNs + ns;
    while (this.timers.nextNs <= untilNs) {
      this.clock.nowNs = Math.max(this.clock.nowNs, this.timers.nextNs);
      this.timers.runDue();
    }
    this.clock.nowNs = Math.max(this.clock.nowNs, untilNs);
  }

  /** The running thread works for `ns`. */
  spend(ns: number): void {
    this.clock.advance(ns);
    const thread = this.running;
    if (thread === undefined) return;
    thread.heldNs += ns;
    this.holds.held(
      thread.name,
      thread.cpu,
      thread.heldNs,
      thread.atomicDepth > 0 || thread.level !== 'task',
    );
  }

  /** `preempt_disable()`: until {@link exitAtomic} no other task runs on this CPU. */
  enterAtomic(): void {
    if (this.running) this.running.atomicDepth++;
  }

  exitAtomic(): void {
    if (this.running) this.running.atomicDepth--;
  }

  private stepAny(): boolean {
    const { threads, ready } = this;
    ready.length = 0;
    for (const thread of threads) if (thread !== this.running && this.canRun(thread)) ready.push(thread);
    if (ready.length === 0) return false;
    this.step(this.random.pick(ready));
    return true;
  }

  /** What it waits for is there, and nothing that may not be interrupted by it holds its CPU. */
  private canRun(thread: Thread): boolean {
    if (typeof thread.stop === 'object' && !this.isOver(thread.stop)) return false;
    for (const other of this.threads) {
      if (other === thread || other.cpu !== thread.cpu || other.stop === undefined) continue;
      if (other.level === thread.level ? other.atomicDepth > 0 : RANK[other.level] > RANK[thread.level])
        return false;
    }
    return true;
  }

  private isOver({ until, untilNs = Number.POSITIVE_INFINITY }: Wait): boolean {
    return until() || this.clock.nowNs >= untilNs;
  }

  /** Nobody can run: the next timer, or the end of a sleep, is awaited. */
  private idle(stop: string | Wait | undefined): void {
    const sleepers = this.threads.map(thread =>
      typeof thread.stop === 'object' ? (thread.stop.untilNs ?? Number.POSITIVE_INFINITY) : this.clock.nowNs,
    );
    const next = Math.min(this.timers.nextNs, ...sleepers);
    if (!Number.isFinite(next) || next <= this.clock.nowNs) {
      const what = typeof stop === 'object' ? stop.what : (stop ?? 'its start');
      throw new MachineError(`deadlock: nothing can run, and nothing will wake what waits for ${what}`);
    }
    this.sleep(next - this.clock.nowNs);
  }
}
