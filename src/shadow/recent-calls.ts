import { UNKNOWN } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import { type ContextRows, type InRow, PerContext } from '../kernel/per-context.ts';
import { FRAME_SIZE } from '../kernel/units.ts';

/** An unmap of 512 pages and more is *large*: its work grows with them. Bytes. */
const LARGE_UNMAP = 512 * FRAME_SIZE;

export function isLargeUnmap(size: number): boolean {
  return size >= LARGE_UNMAP;
}

/** Numbers of a row, and what they are. */
const WIDTH = 16;
const LAST_NS = 0;
const MAP_DEVICE = 1;
const MAP_DOMAIN = 2;
const MAP_IOVA = 3;
const MAP_END = 4;
const UNMAP_DOMAIN = 5;
const UNMAP_IOVA = 6;
const UNMAP_END = 7;
const BEGUN_IOVA = 8;
const BEGUN = 9;

/** The last IOMMU calls of one thread of execution. */
export class RecentCalls implements InRow {
  readonly row: number;
  private readonly rows: ContextRows;
  private readonly first: number;

  constructor(rows: ContextRows, row: number) {
    this.rows = rows;
    this.row = row;
    this.first = row * WIDTH;
  }

  /** Time of the last event of the thread that had to do with these. */
  get lastNs(): number {
    return this.get(LAST_NS);
  }
  set lastNs(value: number) {
    this.set(LAST_NS, value);
  }

  /** A DMA API call named the device of the map that follows. */
  get mapDevice(): number {
    return this.get(MAP_DEVICE);
  }
  set mapDevice(value: number) {
    this.set(MAP_DEVICE, value);
  }

  /** The last map; its domain is that of the DMA API event right behind it. -1 for addresses before any. */
  get mapDomain(): number {
    return this.get(MAP_DOMAIN);
  }
  get mapIova(): number {
    return this.get(MAP_IOVA);
  }
  get mapEnd(): number {
    return this.get(MAP_END);
  }

  mapped(domain: number, iova: number, end: number): void {
    this.set(MAP_DOMAIN, domain);
    this.set(MAP_IOVA, iova);
    this.set(MAP_END, end);
  }

  /** The last unmap and what it did; -1 for addresses before any. */
  get unmapDomain(): number {
    return this.get(UNMAP_DOMAIN);
  }
  get unmapIova(): number {
    return this.get(UNMAP_IOVA);
  }
  get unmapEnd(): number {
    return this.get(UNMAP_END);
  }

  unmapped(domain: number, iova: number, end: number): void {
    this.set(UNMAP_DOMAIN, domain);
    this.set(UNMAP_IOVA, iova);
    this.set(UNMAP_END, end);
  }

  /** The unmap belonged to a call that is over: it says nothing about the next one. */
  forgetUnmap(): void {
    this.set(UNMAP_IOVA, -1);
    this.set(UNMAP_END, -1);
  }

  /** The thread has entered a large unmap. */
  begin(at: Readonly<Moment>, iova: number): void {
    this.set(BEGUN_IOVA, iova);
    this.set(BEGUN, at.timeNs);
    this.set(BEGUN + 1, at.position);
    this.set(BEGUN + 2, at.cpu);
    this.set(BEGUN + 3, at.pid);
    this.set(BEGUN + 4, at.stack);
  }

  /** When the thread has entered the large unmap from an IOVA on that now ends; `undefined` where that was not seen. */
  begunAt(iova: number, { context }: Readonly<Moment>): Moment | undefined {
    if (this.get(BEGUN_IOVA) !== iova) return undefined;
    return {
      timeNs: this.get(BEGUN),
      position: this.get(BEGUN + 1),
      cpu: this.get(BEGUN + 2),
      pid: this.get(BEGUN + 3),
      stack: this.get(BEGUN + 4),
      context,
    };
  }

  /** The large unmap is over. */
  end(): void {
    this.set(BEGUN_IOVA, -1);
  }

  /** Nothing is known of the thread any more: it is new. */
  reset(): void {
    this.forget();
    this.end();
  }

  /** Events are missing: what was last may not be the last any more. */
  forget(): void {
    this.set(LAST_NS, Number.NEGATIVE_INFINITY);
    this.set(MAP_DEVICE, UNKNOWN);
    this.mapped(UNKNOWN, -1, -1);
    this.unmapped(UNKNOWN, -1, -1);
  }

  /** A call is joined with what is right behind it: what is older may go, but for a large unmap that is not over. */
  isIdle(): boolean {
    return this.get(BEGUN_IOVA) < 0;
  }

  private get(field: number): number {
    return this.rows.wides[this.first + field] as number;
  }

  private set(field: number, value: number): void {
    this.rows.wides[this.first + field] = value;
  }
}

/** {@link RecentCalls} by `Moment.context`: joins a DMA API event with the IOMMU call that it made. */
export function recentCallsByContext(): PerContext<RecentCalls> {
  return new PerContext(WIDTH, (rows, row) => new RecentCalls(rows, row));
}
