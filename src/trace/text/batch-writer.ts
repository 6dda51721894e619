import {
  type BatchListener,
  type BatchMemory,
  OWN_BATCH_MEMORY,
  type RecordBatch,
} from '../events/record-batch.ts';

/**
 * Events that wait at most: a stack follows its event within microseconds, and this many events of other CPUs do not
 * come between.
 */
const MOST_WAITING = 1024;

/** Records of a batch, and bytes of its chunk at first. */
const MOST_RECORDS = 4096;
const CHUNK_BYTES = 512 << 10;

/** Bytes of a record at most: `__data_loc` has 16 bits for a place. */
export const LARGEST_RECORD = 0xfff8;

/** Frames of a stack that are kept: `PERF_MAX_STACK_DEPTH`, far above ftrace's 64. */
const MOST_FRAMES = 128;
const FRAME_BYTES = 8;

/** When fewer bytes are free than these, which nearly any record fits in, the batch is handed out. */
const SPARE_BYTES = 8192;

/**
 * Writes the events of a text as records, in the order of the text, and hands them out in batches when their stacks
 * are known: a stack stands behind its event on the same CPU, and events of other CPUs may stand between.
 *
 * A record is written at {@link start} and counts with {@link push}. Events are numbered from 0.
 */
export class BatchWriter implements RecordBatch {
  view: DataView;
  words: Uint32Array;
  bytes: Uint8Array;
  /** Where the next record begins, a multiple of 8. */
  start = 0;
  /** Records that are written and not handed out; what a listener sees are those that are ready. */
  count = 0;
  readonly timesNs: Float64Array;
  readonly payloads: Int32Array;
  readonly payloadSizes: Int32Array;
  readonly cpus: Int32Array;
  readonly positions: Float64Array;
  readonly stacks: Int32Array;
  readonly stackSizes: Int32Array;

  private readonly listener: BatchListener;
  private readonly memory: BatchMemory;
  /** The number of the first event of the batch. */
  private first = 0;
  /** Of each CPU: the number of its last event, or -1. */
  private readonly last: number[] = [];

  /** @param memory where batches lie */
  constructor(listener: BatchListener, memory: BatchMemory = OWN_BATCH_MEMORY) {
    this.listener = listener;
    this.memory = memory;
    this.timesNs = memory.floats(MOST_RECORDS);
    this.positions = memory.floats(MOST_RECORDS);
    this.payloads = memory.ints(MOST_RECORDS);
    this.payloadSizes = memory.ints(MOST_RECORDS);
    this.cpus = memory.ints(MOST_RECORDS);
    this.stacks = memory.ints(MOST_RECORDS);
    this.stackSizes = memory.ints(MOST_RECORDS);
    this.bytes = memory.bytes(CHUNK_BYTES);
    this.view = viewOf(this.bytes);
    this.words = wordsOf(this.bytes);
  }

  /** Makes room for `size` bytes at {@link start}, keeping what is written. */
  reserve(size: number): void {
    const wanted = this.start + size;
    if (wanted <= this.bytes.length) return;
    const bytes = this.memory.bytes(Math.max(wanted + 7, this.bytes.length * 2) & ~7);
    bytes.set(this.bytes);
    this.memory.release(this.bytes);
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.words = wordsOf(bytes);
  }

  /** Takes the record of `size` bytes at {@link start} for the next event; its number. */
  push(cpu: number, timeNs: number, position: number, size: number): number {
    const index = this.count;
    this.timesNs[index] = timeNs;
    this.cpus[index] = cpu;
    this.positions[index] = position;
    this.payloads[index] = this.start;
    this.payloadSizes[index] = size;
    this.stackSizes[index] = 0;
    this.start = (this.start + size + 7) & ~7;
    this.count = index + 1;
    const number = this.first + index;
    while (this.last.length <= cpu) this.last.push(-1);
    this.last[cpu] = number;
    if (this.count === MOST_RECORDS || this.start + SPARE_BYTES > this.bytes.length) this.makeRoom();
    return number;
  }

  /** The event of a CPU that a stack would belong to, or -1. */
  lastOf(cpu: number): number {
    const number = this.last[cpu] ?? -1;
    return number < this.first + this.count - MOST_WAITING ? -1 : number;
  }

  /** Where `common_flags` and `common_pid` of an event are, as an index in {@link words}. */
  entryOf(number: number): number {
    return (this.payloads[number - this.first] as number) >> 2;
  }

  /** Bytes of the stack of an event, as far as it was written. */
  stackSizeOf(number: number): number {
    return this.stackSizes[number - this.first] as number;
  }

  /** Adds a frame to the stack of an event, with nothing else between its frames; those beyond {@link MOST_FRAMES} are left out. */
  addFrame(number: number, high: number, low: number): void {
    const index = number - this.first;
    const size = this.stackSizes[index] as number;
    if (size >= MOST_FRAMES * FRAME_BYTES) return;
    this.reserve(FRAME_BYTES);
    const { start } = this;
    if (size === 0) this.stacks[index] = start;
    this.words[start >> 2] = low;
    this.words[(start >> 2) + 1] = high;
    this.stackSizes[index] = size + FRAME_BYTES;
    this.start = start + FRAME_BYTES;
  }

  /** Takes the frames back that were just added to an event. */
  dropStack(number: number): void {
    const index = number - this.first;
    this.start -= this.stackSizes[index] as number;
    this.stackSizes[index] = 0;
  }

  /** Hands out the events whose stacks cannot come any more. */
  deliver(): void {
    let ready = this.first + this.count;
    const oldest = ready - MOST_WAITING;
    for (const number of this.last) if (number >= oldest && number >= 0 && number < ready) ready = number;
    this.handOut(ready - this.first);
  }

  /** At the end of the text: hands out all. */
  finish(): void {
    this.handOut(this.count);
  }

  private makeRoom(): void {
    this.deliver();
    this.reserve(SPARE_BYTES);
  }

  private handOut(ready: number): void {
    if (ready <= 0) return;
    const written = this.count;
    this.count = ready;
    this.listener(this);
    this.count = written;
    this.forget(ready);
  }

  /** Moves what waits to the beginning of the batch. */
  private forget(ready: number): void {
    const { count, start } = this;
    const from = ready < count ? (this.payloads[ready] as number) : start;
    this.bytes.copyWithin(0, from, start);
    for (const column of [this.timesNs, this.cpus, this.positions, this.payloadSizes, this.stackSizes]) {
      column.copyWithin(0, ready, count);
    }
    for (let i = ready; i < count; i++) {
      this.payloads[i - ready] = (this.payloads[i] as number) - from;
      this.stacks[i - ready] = (this.stacks[i] as number) - from;
    }
    this.start = start - from;
    this.count = count - ready;
    this.first += ready;
  }
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length >>> 2);
}
