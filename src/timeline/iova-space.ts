import type { IovaRow } from '../findings/series.ts';
import { FRAME_SIZE, hex } from '../kernel/units.ts';
import type { PeakSeries, StepAxis } from './step-axis.ts';

/** Rows of a map of IOVA space; when there are more, each stands for twice as much. */
const MOST_ROWS = 64;

/** How much of each part of one domain's IOVA space was mapped, over time. Parts that were never mapped have no row. */
export class IovaSpace {
  made = 0;
  /** Devices that mappings were made for. */
  readonly devices = new Set<number>();
  private readonly axis: StepAxis;
  private rowPages = 1;
  private rows = new Map<number, PeakSeries>();

  constructor(axis: StepAxis) {
    this.axis = axis;
  }

  get rowBytes(): number {
    return this.rowPages * FRAME_SIZE;
  }

  /** `pages` pages from `page` are mapped (sign 1) or not any more (-1). */
  change(step: number, page: number, pages: number, sign: 1 | -1): void {
    while (Math.ceil(pages / this.rowPages) > MOST_ROWS) this.coarsen();
    const end = page + pages;
    for (let row = Math.floor(page / this.rowPages); row * this.rowPages < end; row++) {
      const from = Math.max(page, row * this.rowPages);
      const to = Math.min(end, (row + 1) * this.rowPages);
      this.row(row).change(step, sign * (to - from) * FRAME_SIZE);
    }
    while (this.rows.size > MOST_ROWS) this.coarsen();
  }

  result(steps: number): IovaRow[] {
    return [...this.rows]
      .sort(([a], [b]) => a - b)
      .map(([row, series]) => ({ iova: hex(row * this.rowBytes), mapped: changesOf(series.values(steps)) }));
  }

  private row(row: number): PeakSeries {
    let series = this.rows.get(row);
    if (!series) {
      series = this.axis.newSeries();
      this.rows.set(row, series);
    }
    return series;
  }

  private coarsen(): void {
    this.rowPages *= 2;
    const rows = new Map<number, PeakSeries>();
    for (const [row, series] of this.rows) {
      const half = Math.floor(row / 2);
      const other = rows.get(half);
      if (other) {
        other.absorb(series);
        this.axis.drop(series);
      } else {
        rows.set(half, series);
      }
    }
    this.rows = rows;
  }
}

/** Where a series changes: most rows are long mapped or long empty. */
function changesOf(values: readonly number[]): [step: number, bytes: number][] {
  return values.flatMap((bytes, step): [number, number][] =>
    bytes === (step === 0 ? 0 : values[step - 1]) ? [] : [[step, bytes]],
  );
}
