import type { Timer, Timers } from '../time/timers.ts';

/** `IOVA_DEFAULT_FQ_SIZE`: entries of the ring of each CPU, of which one always stays empty. */
const RING_ENTRIES = 256;

/** `IOVA_DEFAULT_FQ_TIMEOUT`: 10 ms after the first entry the queue is flushed. */
const TIMEOUT_NS = 10e6;

/** What waits for a flush. */
interface Queued {
  readonly page: number;
  readonly pages: number;
  /** Tables that the hardware may still know. */
  readonly tables: readonly number[];
  /** Flushes that had begun when it was queued. */
  readonly counter: number;
}

export interface FlushQueueHost {
  readonly timers: Timers;
  /** `flush_iotlb_all` of the domain; complete when it returns. */
  flushAll(): void;
  /** Frees an IOVA that nothing translates any more. */
  freeIova(cpu: number, page: number, pages: number): void;
  freeTables(tables: readonly number[]): void;
}

export interface FlushQueueOptions {
  readonly cpus?: number;
  /** Default 256. */
  readonly ringEntries?: number;
  /** Default 10 ms; 1 s where the IOMMU is emulated and flushes cost (`shadow_on_flush`). */
  readonly timeoutNs?: number;
}

/**
 * The flush queue of the lazy mode (`struct iova_fq`, drivers/iommu/dma-iommu.c, Linux 7.2): an unmap leaves its IOVA and
 * its tables here and returns; one flush of the whole domain for all of them follows when a ring is full, or 10 ms after
 * the first. The data pages are not held back: the device can reach them until then.
 */
export class FlushQueue {
  private readonly host: FlushQueueHost;
  private readonly rings: Queued[][];
  private readonly capacity: number;
  private readonly timeoutNs: number;
  private started = 0;
  private finished = 0;
  private timer: Timer | undefined;

  constructor(host: FlushQueueHost, options: FlushQueueOptions = {}) {
    const { cpus = 1, ringEntries = RING_ENTRIES, timeoutNs = TIMEOUT_NS } = options;
    this.host = host;
    this.rings = Array.from({ length: cpus }, () => []);
    this.capacity = ringEntries - 1;
    this.timeoutNs = timeoutNs;
  }

  /** Entries that wait. */
  get length(): number {
    return this.rings.reduce((sum, ring) => sum + ring.length, 0);
  }

  /** `queue_iova()` */
  queue(cpu: number, page: number, pages: number, tables: readonly number[]): void {
    const ring = this.rings[cpu] as Queued[];
    this.freeFlushed(cpu, ring);
    if (ring.length === this.capacity) {
      this.flush();
      this.freeFlushed(cpu, ring);
    }
    ring.push({ page, pages, tables, counter: this.started });
    this.timer ??= this.host.timers.after(this.timeoutNs, () => this.timeout());
  }

  /** `iommu_put_dma_cookie()`: the queue goes without a flush; the domain's tables go with it. */
  destroy(): void {
    if (this.timer !== undefined) this.host.timers.cancel(this.timer);
    this.timer = undefined;
    for (const ring of this.rings) {
      for (const { tables } of ring) this.host.freeTables(tables);
      ring.length = 0;
    }
  }

  /** `fq_flush_timeout()` */
  private timeout(): void {
    this.timer = undefined;
    this.flush();
    for (const [cpu, ring] of this.rings.entries()) this.freeFlushed(cpu, ring);
  }

  /** `fq_flush_iotlb()` */
  private flush(): void {
    this.started++;
    this.host.flushAll();
    this.finished++;
  }

  /** `fq_ring_free_locked()`: frees what was queued before a flush began that is over by now. */
  private freeFlushed(cpu: number, ring: Queued[]): void {
    let count = 0;
    while (count < ring.length && (ring[count] as Queued).counter < this.finished) {
      const { page, pages, tables } = ring[count] as Queued;
      this.host.freeTables(tables);
      this.host.freeIova(cpu, page, pages);
      count++;
    }
    ring.splice(0, count);
  }
}
