/** A piece of a perf.data in memory: views of the same bytes. */
export interface PerfChunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** Position of its first byte, see `Positions`. */
  readonly position: number;
}

/** Samples that are held at most, where the file does not say when they are complete. */
const MOST_WAITING = 1 << 20;

/** Takes the sample at an index of the columns, which is next in time. */
export type SampleTaker = (order: SampleOrder, index: number) => void;

/**
 * Brings samples into the order of their time. perf writes what each CPU has, one CPU after the other, and a mark when
 * it has been round: what is not later than the latest sample of the round before last is complete then
 * (tools/perf/util/ordered-events.c).
 *
 * A binary heap of indices into columns, which are used again: no order of rounds costs more than the logarithm of what
 * waits for each sample.
 */
export class SampleOrder {
  readonly timeNs: number[] = [];
  readonly cpu: number[] = [];
  readonly chunk: (PerfChunk | undefined)[] = [];
  /** Where in the chunk the record of the tracepoint is, and its bytes. */
  readonly raw: number[] = [];
  readonly rawBytes: number[] = [];
  /** The kernel's part of the callchain; 0 bytes for none. */
  readonly stack: number[] = [];
  readonly stackBytes: number[] = [];

  private readonly take: SampleTaker;
  /** When each was added: samples of one time keep their order. */
  private readonly turn: number[] = [];
  private readonly heap: number[] = [];
  private readonly free: number[] = [];
  private turns = 0;
  private latestNs = 0;
  private completeNs = 0;

  constructor(take: SampleTaker) {
    this.take = take;
  }

  add(
    timeNs: number,
    cpu: number,
    chunk: PerfChunk,
    raw: number,
    rawBytes: number,
    stack: number,
    stackBytes: number,
  ): void {
    const index = this.free.pop() ?? this.timeNs.length;
    this.timeNs[index] = timeNs;
    this.cpu[index] = cpu;
    this.chunk[index] = chunk;
    this.raw[index] = raw;
    this.rawBytes[index] = rawBytes;
    this.stack[index] = stack;
    this.stackBytes[index] = stackBytes;
    this.turn[index] = this.turns++;
    if (timeNs > this.latestNs) this.latestNs = timeNs;
    this.push(index);
    if (this.heap.length > MOST_WAITING) this.release();
  }

  /** All CPUs have been written since the last mark. */
  finishedRound(): void {
    this.releaseUntil(this.completeNs);
    this.completeNs = this.latestNs;
  }

  finish(): void {
    this.releaseUntil(Number.POSITIVE_INFINITY);
  }

  private releaseUntil(untilNs: number): void {
    while (this.heap.length > 0 && (this.timeNs[this.heap[0] as number] as number) <= untilNs) this.release();
  }

  /** Hands out the earliest. */
  private release(): void {
    const { heap } = this;
    const index = heap[0] as number;
    const last = heap.pop() as number;
    if (heap.length > 0) this.sink(last);
    this.take(this, index);
    this.chunk[index] = undefined;
    this.free.push(index);
  }

  private push(index: number): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(index);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent] as number;
      if (!this.before(index, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = index;
  }

  /** Puts `index` at the top and lets it down to its place. */
  private sink(index: number): void {
    const { heap } = this;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.before(heap[child + 1] as number, heap[child] as number)) child++;
      const other = heap[child] as number;
      if (!this.before(other, index)) break;
      heap[at] = other;
      at = child;
    }
    heap[at] = index;
  }

  private before(a: number, b: number): boolean {
    const timeA = this.timeNs[a] as number;
    const timeB = this.timeNs[b] as number;
    return timeA < timeB || (timeA === timeB && (this.turn[a] as number) < (this.turn[b] as number));
  }
}
