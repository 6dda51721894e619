import { executionContext } from '../../kernel/moment.ts';
import type { Level } from './thread.ts';

/** `common_flags` of an event in each level, include/linux/trace_events.h. */
const FLAGS: Readonly<Record<Level, number>> = { task: 0, softirq: 0x10, hardirq: 0x08 };

/** `current`: what runs now. The scheduler changes it, everything that makes events reads it. */
export class Current {
  cpu = 0;
  pid = 0;
  level: Level = 'task';
  /** As `Moment.context`. */
  context = executionContext(0, 0, 0);
  /** Innermost frame of the kernel stack, see `StackTree`. */
  stack = 0;

  /** Something else runs on a CPU from now on. */
  become(pid: number, cpu: number, level: Level, stack: number): void {
    this.pid = pid;
    this.cpu = cpu;
    this.level = level;
    this.stack = stack;
    this.context = executionContext(pid, cpu, FLAGS[level]);
  }

  /** `TRACE_FLAG_*` of what runs. */
  get flags(): number {
    return FLAGS[this.level];
  }
}
