/** A series has at most so many steps, and more than half as many once it is long enough. */
export const MOST_STEPS = 256;

const SHORTEST_STEP_NS = 1024;

/**
 * Time from the first event on, in steps of equal length. A trace does not say at its beginning when it will end: when
 * the steps are used up, they become twice as long.
 */
export class StepAxis {
  startNs = Number.NaN;
  stepNs = SHORTEST_STEP_NS;
  private readonly series: PeakSeries[] = [];

  /** The step that a moment lies in. */
  stepOf(timeNs: number): number {
    if (Number.isNaN(this.startNs)) this.startNs = timeNs;
    let step = Math.floor((timeNs - this.startNs) / this.stepNs);
    while (step >= MOST_STEPS) {
      this.stepNs *= 2;
      for (const one of this.series) one.halve();
      step = Math.floor((timeNs - this.startNs) / this.stepNs);
    }
    // Events of an unsteady clock may be earlier than the first.
    return Math.max(0, step);
  }

  newSeries(): PeakSeries {
    const series = new PeakSeries();
    this.series.push(series);
    return series;
  }

  /** Lets go of a series that was absorbed by another. */
  drop(series: PeakSeries): void {
    this.series.splice(this.series.indexOf(series), 1);
  }
}

/** A value over time: the highest in each step. Steps in which nothing happens keep the value before them. */
export class PeakSeries {
  value = 0;
  private peaks: number[] = [];

  change(step: number, by: number): void {
    this.fillTo(step);
    this.value += by;
    if (this.value > (this.peaks[step] as number)) this.peaks[step] = this.value;
  }

  /** The sum of both, at most: their peaks need not have been at the same moment. */
  absorb(other: PeakSeries): void {
    const last = Math.max(this.peaks.length, other.peaks.length) - 1;
    this.fillTo(last);
    other.fillTo(last);
    this.peaks = this.peaks.map((peak, step) => peak + (other.peaks[step] as number));
    this.value += other.value;
  }

  halve(): void {
    const { peaks } = this;
    this.peaks = Array.from({ length: Math.ceil(peaks.length / 2) }, (_, step) =>
      Math.max(peaks[2 * step] as number, peaks[2 * step + 1] ?? 0),
    );
  }

  /** The peaks of the first `steps` steps, without the end in which nothing changes. */
  values(steps: number): number[] {
    const values = this.peaks.slice(0, steps);
    if (values.length < steps) values.push(this.value);
    while (values.length > 1 && values.at(-1) === values.at(-2)) values.pop();
    return values;
  }

  private fillTo(step: number): void {
    while (this.peaks.length <= step) this.peaks.push(this.value);
  }
}
