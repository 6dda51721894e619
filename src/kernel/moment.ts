/**
 * When and where in the kernel something happened.
 *
 * A source keeps one `Moment` and overwrites it before each call of a {@link KernelEvents} method, so that no
 * object is made per event: whoever needs a moment later copies it with {@link copyMoment}.
 */
export interface Moment {
  /** Nanoseconds on the trace's clock, usually since boot. Exact in a float64 for 104 days. */
  timeNs: number;
  cpu: number;
  /** Thread id, as ftrace's `common_pid`; 0 is the idle task of each CPU. */
  pid: number;
  /** Which thread of execution this is, by {@link executionContext}: entry and return of a call share it. */
  context: number;
  /** Kernel stack as an id of {@link SourceNames.stack}, or 0 where none was recorded. */
  stack: number;
  /** Where the source found the event: an opaque number for {@link SourceNames.locate}. */
  position: number;
}

export function newMoment(): Moment {
  return { timeNs: 0, cpu: 0, pid: 0, context: 0, stack: 0, position: -1 };
}

export function copyMoment(from: Readonly<Moment>): Moment {
  return {
    timeNs: from.timeNs,
    cpu: from.cpu,
    pid: from.pid,
    context: from.context,
    stack: from.stack,
    position: from.position,
  };
}

/** Overwrites a moment that is kept with another. */
export function assignMoment(into: Moment, from: Readonly<Moment>): void {
  into.timeNs = from.timeNs;
  into.cpu = from.cpu;
  into.pid = from.pid;
  into.context = from.context;
  into.stack = from.stack;
  into.position = from.position;
}

/** `TRACE_FLAG_*` bits of an event's `common_flags`, include/linux/trace_events.h. */
const TRACE_FLAG_HARDIRQ = 0x08;
const TRACE_FLAG_SOFTIRQ = 0x10;
const TRACE_FLAG_NMI = 0x40;

/**
 * The thread of execution that an event belongs to.
 *
 * A task may be preempted or moved to another CPU between the entry and the return of a call, and another task
 * may make the same call on the first CPU meanwhile: in task context the task is the identity. An interrupt
 * runs to its end on its CPU, and can only be interrupted by a higher level: there the CPU and the level are. The
 * idle task (pid 0) exists once per CPU.
 *
 * @returns a small integer: positive for tasks, negative for interrupt levels and idle tasks of a CPU
 */
export function executionContext(pid: number, cpu: number, flags: number): number {
  if (flags & TRACE_FLAG_NMI) return -(cpu * 4 + 4);
  if (flags & TRACE_FLAG_HARDIRQ) return -(cpu * 4 + 3);
  if (flags & TRACE_FLAG_SOFTIRQ) return -(cpu * 4 + 2);
  return pid === 0 ? -(cpu * 4 + 1) : pid;
}

/** The interrupt levels in `common_flags` that a moment's context tells of: {@link executionContext} of them is its context. */
export function contextFlags({ context, cpu }: Readonly<Moment>): number {
  switch (-context - cpu * 4) {
    case 4:
      return TRACE_FLAG_NMI;
    case 3:
      return TRACE_FLAG_HARDIRQ;
    case 2:
      return TRACE_FLAG_SOFTIRQ;
    default:
      return 0;
  }
}
