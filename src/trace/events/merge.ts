import type { CpuCursor } from './cpu-cursor.ts';

/**
 * The cursors of all CPUs as one sequence by time. Equal times come in the order of the CPUs, as trace-cmd has it.
 *
 * A binary heap of indices into `cursors`: a step costs the logarithm of the number of CPUs, and mostly less,
 * because a CPU tends to have several events in a row.
 */
export class Merge {
  private readonly cursors: readonly CpuCursor[];
  private readonly heap: Int32Array;
  private size = 0;

  /** @param cursors in the order of their CPUs, each at its first event */
  constructor(cursors: readonly CpuCursor[]) {
    this.cursors = cursors;
    this.heap = new Int32Array(cursors.length);
    for (let i = 0; i < cursors.length; i++) {
      this.heap[this.size++] = i;
      this.siftUp(this.size - 1);
    }
  }

  /** The cursor with the earliest event, or `undefined` when all are at their end. */
  first(): CpuCursor | undefined {
    return this.size === 0 ? undefined : this.cursors[this.heap[0] as number];
  }

  /** Time of the earliest event of any other cursor: up to it, the first cursor stays first. */
  secondNs(): number {
    const { heap, size, cursors } = this;
    if (size < 2) return Number.POSITIVE_INFINITY;
    const left = (cursors[heap[1] as number] as CpuCursor).timeNs;
    if (size < 3) return left;
    return Math.min(left, (cursors[heap[2] as number] as CpuCursor).timeNs);
  }

  /** Restores the order after the first cursor has moved. */
  firstMoved(): void {
    this.siftDown();
  }

  /** Takes the first cursor out: it is at its end. */
  firstEnded(): void {
    this.size--;
    this.heap[0] = this.heap[this.size] as number;
    this.siftDown();
  }

  private before(a: number, b: number): boolean {
    const timeA = (this.cursors[a] as CpuCursor).timeNs;
    const timeB = (this.cursors[b] as CpuCursor).timeNs;
    return timeA < timeB || (timeA === timeB && a < b);
  }

  private siftUp(at: number): void {
    const { heap } = this;
    const item = heap[at] as number;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent] as number;
      if (!this.before(item, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = item;
  }

  private siftDown(): void {
    const { heap, size } = this;
    if (size === 0) return;
    const item = heap[0] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.before(heap[child + 1] as number, heap[child] as number)) child++;
      const other = heap[child] as number;
      if (!this.before(other, item)) break;
      heap[at] = other;
      at = child;
    }
    heap[at] = item;
  }
}
