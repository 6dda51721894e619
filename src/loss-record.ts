import type { LossSummary, LossWindow } from './findings/check-report.ts';

/** Gaps that are kept with their times; more are only counted. */
const WINDOWS_KEPT = 100;

/** Adds up the events that a source has lost. */
export class LossRecord {
  private readonly windows: LossWindow[] = [];
  private readonly byCpu = new Map<number, number>();
  private events = 0;
  private uncountedGaps = 0;

  eventsLost(cpu: number, count: number, sinceNs: number, untilNs: number): void {
    if (count < 0) this.uncountedGaps++;
    else this.events += count;
    const before = this.byCpu.get(cpu) ?? 0;
    this.byCpu.set(cpu, count < 0 || before < 0 ? -1 : before + count);
    if (this.windows.length >= WINDOWS_KEPT) return;
    this.windows.push({
      cpu,
      count,
      ...(Number.isFinite(sinceNs) ? { sinceNs } : {}),
      ...(Number.isFinite(untilNs) ? { untilNs } : {}),
    });
  }

  /** Events that a CPU has lost, -1 where some were not counted. */
  ofCpu(cpu: number): number {
    return this.byCpu.get(cpu) ?? 0;
  }

  summary(): LossSummary {
    return { events: this.events, uncountedGaps: this.uncountedGaps, windows: this.windows };
  }
}
