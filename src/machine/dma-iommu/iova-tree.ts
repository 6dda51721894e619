/** No more ranges are to the left. */
const NONE = -1;

/** A range of IOVA pages that somebody has. */
export interface IovaRange {
  readonly low: number;
  readonly high: number;
}

/**
 * The ranges of an `iova_domain`, sorted: what the kernel keeps in a red-black tree (drivers/iommu/iova.c). Arrays that
 * are moved by `copyWithin` are as fast for the sizes that a machine has.
 */
export class IovaTree {
  private lows = new Float64Array(256);
  private highs = new Float64Array(256);
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Index of the first range that ends at or above `page`; {@link size} if there is none. */
  firstEndingAt(page: number): number {
    let from = 0;
    let to = this.count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.highs[middle] as number) < page) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Index of the range that begins with `page`, or -1. */
  find(page: number): number {
    const index = this.firstEndingAt(page);
    return index < this.count && this.lows[index] === page ? index : NONE;
  }

  low(index: number): number {
    return this.lows[index] as number;
  }

  high(index: number): number {
    return this.highs[index] as number;
  }

  insert(low: number, high: number): void {
    const index = this.firstEndingAt(low);
    if (index < this.count && (this.lows[index] as number) <= high) {
      throw new Error(`IOVA pages ${low} to ${high} are taken already`);
    }
    if (this.count === this.lows.length) this.grow();
    this.lows.copyWithin(index + 1, index, this.count);
    this.highs.copyWithin(index + 1, index, this.count);
    this.lows[index] = low;
    this.highs[index] = high;
    this.count++;
  }

  remove(index: number): void {
    this.lows.copyWithin(index, index + 1, this.count);
    this.highs.copyWithin(index, index + 1, this.count);
    this.count--;
  }

  ranges(): IovaRange[] {
    return Array.from({ length: this.count }, (_, index) => ({
      low: this.low(index),
      high: this.high(index),
    }));
  }

  private grow(): void {
    const lows = new Float64Array(this.lows.length * 2);
    const highs = new Float64Array(lows.length);
    lows.set(this.lows);
    highs.set(this.highs);
    this.lows = lows;
    this.highs = highs;
  }
}
