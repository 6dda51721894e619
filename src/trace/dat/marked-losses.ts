import type { KernelEvents } from '../../kernel/events.ts';

type LossListener = Pick<KernelEvents, 'eventsLost'>;

const ALWAYS = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/**
 * Compares the losses that the pages of a recording are marked with and those that the kernel has counted for each CPU
 * (`per_cpu/cpuN/stats`). What was counted and not marked may be missing anywhere.
 */
export class MarkedLosses implements LossListener {
  private readonly listener: LossListener;
  /** Events marked as lost, by CPU; NaN where a mark has no count. */
  private readonly marked = new Map<number, number>();

  constructor(listener: LossListener) {
    this.listener = listener;
  }

  eventsLost(cpu: number, count: number, sinceNs: number, untilNs: number): void {
    this.marked.set(cpu, (this.marked.get(cpu) ?? 0) + (count < 0 ? Number.NaN : count));
    this.listener.eventsLost(cpu, count, sinceNs, untilNs);
  }

  /** Events that found the buffer full, which the kernel does not mark; to be told before the first event. */
  dropped(cpu: number, count: number): void {
    if (count > 0) this.listener.eventsLost(cpu, count, ...ALWAYS);
  }

  /** Events that were overwritten; to be told after the last one, when all marks are known. */
  overrun(cpu: number, count: number): void {
    const missing = count - (this.marked.get(cpu) ?? 0);
    if (missing > 0) this.listener.eventsLost(cpu, missing, ...ALWAYS);
  }
}
