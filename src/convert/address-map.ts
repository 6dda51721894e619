/** Addresses keep their place within a region of this size, the larger leaf of most page tables. */
const REGION = 2 << 20;

/** Regions from one run to the next in the new numbers: what was apart stays apart. */
const GAP = 1;

/**
 * Gives addresses new numbers: regions of 2 MiB are numbered anew in their order. Regions that one range spans stay
 * behind each other, and equal addresses stay equal, in physical memory and IOVA space alike: rules compare the two.
 * The lowest region stays what it is, because address 0 has a meaning of its own.
 */
export class AddressMap {
  private readonly seen = new Set<number>([0]);
  private readonly spans: (readonly [first: number, last: number])[] = [];
  /** First and last region of each run, ascending, and the new number of the first. */
  private firsts: number[] = [];
  private lasts: number[] = [];
  private news: number[] = [];

  /** Notes a range that will be asked for; all of them before the first {@link of}. */
  note(address: number, size: number): void {
    if (!Number.isFinite(address) || address < 0) return;
    const first = Math.floor(address / REGION);
    const last = Math.floor((address + Math.max(size, 1) - 1) / REGION);
    if (first === last) this.seen.add(first);
    else this.spans.push([first, last]);
  }

  /** The new numbers are given: no range may be noted any more. */
  freeze(): void {
    const ranges = [...this.spans, ...Array.from(this.seen, region => [region, region] as const)];
    ranges.sort(([a], [b]) => a - b);
    let next = 0;
    for (const [first, last] of ranges) {
      const run = this.lasts.length - 1;
      const end = this.lasts[run];
      if (end !== undefined && first <= end) {
        if (last > end) {
          this.lasts[run] = last;
          next += last - end;
        }
        continue;
      }
      this.firsts.push(first);
      this.lasts.push(last);
      this.news.push(next);
      next += last - first + 1 + GAP;
    }
  }

  /** The new number of an address that was noted; others stay what they are. */
  of(address: number): number {
    const region = Math.floor(address / REGION);
    let low = 0;
    let high = this.firsts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.firsts[middle] as number) <= region) low = middle;
      else high = middle;
    }
    const first = this.firsts[low] as number;
    if (region < first || region > (this.lasts[low] as number)) return address;
    return address + ((this.news[low] as number) - first) * REGION;
  }
}
