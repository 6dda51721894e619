import type { SourceBuffer } from './trace/source.ts';

/**
 * Clocks that are not the same on all CPUs (Documentation/trace/ftrace.rst, `trace_clock`), or so coarse that events of
 * two CPUs have the same time.
 */
const UNSYNCHRONIZED: ReadonlySet<string> = new Set(['local', 'uptime']);

/** A jiffy at HZ=100: where the kernel's own clock is unstable, it lets CPUs differ by a tick (kernel/sched/clock.c). */
const DEFAULT_NS = 10_000_000;

/** How far apart events of different CPUs may be and still be in the wrong order, where nobody says otherwise. */
export function defaultReorderWindowNs(buffers: readonly SourceBuffer[]): number {
  const cpus = new Set(buffers.flatMap(buffer => buffer.cpus));
  return cpus.size > 1 && buffers.some(({ clock }) => UNSYNCHRONIZED.has(clock)) ? DEFAULT_NS : 0;
}
