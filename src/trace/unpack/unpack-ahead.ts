import { Worker } from 'node:worker_threads';
import type { CpuData, TraceDat } from '../dat/trace-dat.ts';
import { zstdCode } from '../file/decompress.ts';
import type { InputFile } from '../file/input-file.ts';
import { WORKER } from './code.ts';
import { CHUNK_HEADER, type UnpackOrder, type UnpackWork, unpackable } from './order.ts';
import { Ring, STOP, STOPPED } from './ring.ts';

/** Slots for each CPU where these are few, and for all of them together. */
const MOST_SLOTS = 8;
const LEAST_SLOTS = 4;
const SLOTS_IN_ALL = 256;

/** Chunks of all CPUs together that are left to the reader while the thread starts, which takes as long as they do. */
const CHUNKS_AT_FIRST = 160;

/** How long the other thread may be silent before the reader goes on alone. */
const SILENCE_MS = 5000;

/** The chunks of a CPU that another thread unpacks. */
export interface UnpackedChunks {
  /**
   * The next chunk, as long as it is as it should be: its bytes, which stay as they are until the next but one, and how
   * many they are in the file. `undefined`: from now on the reader unpacks by itself.
   */
  next(): { readonly bytes: Uint8Array; readonly stored: number } | undefined;
  /** The first of the chunks, counted from 0, that the thread unpacks. */
  readonly first: number;
}

/**
 * Unpacks the compressed chunks of a recording in a thread of its own, ahead of the one that reads them. It reads and
 * decompresses, and judges nothing: the first chunk of a CPU that is not as it should be, and all behind it, are left to
 * the reader.
 */
export class UnpackAhead {
  private readonly ring: Ring;
  private readonly orders: readonly UnpackOrder[];
  private readonly first: number;
  private readonly numbers: ReadonlyMap<CpuData, number>;
  private isAlone = false;

  /**
   * Starts the thread.
   *
   * @param allocate shared memory for chunks
   * @param fromFirst the first chunks are not left to the reader
   */
  static start(trace: TraceDat, allocate: (size: number) => Uint8Array, fromFirst = false): UnpackAhead {
    const cpus = unpackable(trace);
    return new UnpackAhead(trace, cpus, allocate, fromFirst ? 0 : Math.ceil(CHUNKS_AT_FIRST / cpus.length));
  }

  private constructor(
    trace: TraceDat,
    cpus: readonly CpuData[],
    allocate: (size: number) => Uint8Array,
    first: number,
  ) {
    const { littleEndian, compression } = trace;
    this.first = first;
    const slots = Math.max(LEAST_SLOTS, Math.min(MOST_SLOTS, Math.floor(SLOTS_IN_ALL / cpus.length)));
    this.ring = Ring.make(cpus.length, slots);
    this.numbers = new Map(cpus.map((cpu, i) => [cpu, i]));
    this.orders = cpus.map(cpu =>
      orderFor(cpu.file ?? trace.file, cpu, this.first, littleEndian, slots, allocate),
    );
    const code = compression === 'zstd' ? zstdCode() : undefined;
    const work: UnpackWork = {
      method: compression,
      ...(code && { code }),
      littleEndian,
      words: this.ring.words,
      slots,
      orders: this.orders,
    };
    const worker = new Worker(WORKER, { eval: true, workerData: work, execArgv: [] });
    worker.unref();
    // It leaves what it has not done to the reader, whatever the reason.
    worker.on('error', () => undefined);
  }

  /** What the thread unpacks of a CPU, if it does. */
  of(cpu: CpuData): UnpackedChunks | undefined {
    const number = this.numbers.get(cpu);
    if (number === undefined) return undefined;
    const { ring, orders, first } = this;
    const { chunks, slots } = orders[number] as UnpackOrder;
    if (chunks === 0) return undefined;
    let taken = 0;
    return {
      first,
      next: () => {
        if (!this.waitFor(number, taken)) return undefined;
        ring.goTo(number, taken);
        const [size, stored] = ring.sizesOf(number, taken);
        const slot = slots[taken % slots.length] as Uint8Array;
        taken++;
        return { bytes: slot.subarray(0, size), stored };
      },
    };
  }

  /** Nothing more is read, and the files will be closed: returns when the thread has stopped to read them. */
  close(): void {
    const { ring } = this;
    Atomics.store(ring.words, STOP, 1);
    ring.tellNews();
    if (!this.isAlone) Atomics.wait(ring.words, STOPPED, 0, SILENCE_MS);
  }

  /** Waits until so many chunks and one more are unpacked; false where that will not be. */
  private waitFor(cpu: number, chunk: number): boolean {
    const { ring } = this;
    while (ring.unpacked(cpu) <= chunk) {
      if (this.isAlone || ring.isDone(cpu)) return ring.unpacked(cpu) > chunk;
      const result = Atomics.wait(ring.words, ring.unpackedAt(cpu), chunk, SILENCE_MS);
      if (result === 'timed-out') this.isAlone = true;
    }
    return true;
  }
}

/** Where the chunks of a CPU are behind the first ones, as far as their headers say. */
function orderFor(
  file: InputFile,
  { offset, size }: CpuData,
  first: number,
  littleEndian: boolean,
  slots: number,
  allocate: (size: number) => Uint8Array,
): UnpackOrder {
  const end = Math.min(offset + size, file.size);
  const words = (at: number, count: number): DataView | undefined => {
    if (at + 4 * count > end) return undefined;
    const bytes = file.readUpTo(at, 4 * count);
    return bytes.length < 4 * count ? undefined : new DataView(bytes.buffer, bytes.byteOffset);
  };
  const all = words(offset, 1)?.getUint32(0, littleEndian) ?? 0;
  let at = offset + 4;
  let largest = 0;
  // Those that are skipped, and the one behind them.
  for (let chunk = 0; chunk <= first && chunk < all; chunk++) {
    const header = words(at, 2);
    if (!header) return nothing(file);
    largest = Math.max(largest, header.getUint32(4, littleEndian));
    if (chunk < first) at += CHUNK_HEADER + header.getUint32(0, littleEndian);
  }
  if (all <= first || largest > LARGEST_CHUNK) return nothing(file);
  return {
    fd: file.descriptor,
    fileSize: file.size,
    offset: at,
    chunks: all - first,
    slots: Array.from({ length: slots }, () => allocate(largest)),
  };
}

/** Chunks are some pages; what claims to be larger is for the reader to judge. */
const LARGEST_CHUNK = 4 << 20;

function nothing(file: InputFile): UnpackOrder {
  return { fd: file.descriptor, fileSize: file.size, offset: 0, chunks: 0, slots: [] };
}
