import type { RunSink } from './iova-runs.ts';

/** Counts runs, each of one mapping, without making them. */
export class RunCounter implements RunSink {
  count = 0;
  private id = 0;
  private end = 0;

  reset(): void {
    this.count = 0;
    this.id = 0;
  }

  push(page: number, pages: number, id: number): void {
    if (id !== this.id || page !== this.end) this.count++;
    this.id = id;
    this.end = page + pages;
  }

  takeSlots(slots: Int32Array, from: number, to: number, page: number, unit: number): number {
    let count = 0;
    let found = 0;
    let id = page === this.end ? this.id : 0;
    for (let at = from; at < to; at++) {
      const next = slots[at] as number;
      if (next !== 0) found++;
      if (next !== id && next !== 0) count++;
      id = next;
    }
    this.count += count;
    this.id = id;
    this.end = page + (to - from) * unit;
    return found;
  }
}
