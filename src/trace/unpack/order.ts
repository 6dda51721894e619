import type { CpuData, TraceDat } from '../dat/trace-dat.ts';
import type { CompiledModule } from '../file/zstd-wasm.ts';

/** The compressed chunks of a CPU: where they are, and where they are to be unpacked. */
export interface UnpackOrder {
  /** Descriptor of the file, and its size. */
  readonly fd: number;
  readonly fileSize: number;
  /** Of the first chunk; and how many there are. */
  readonly offset: number;
  readonly chunks: number;
  /** Shared memory: each has room for a chunk. A larger one ends the work for the CPU. */
  readonly slots: readonly Uint8Array[];
}

/** What the unpacking thread is given. */
export interface UnpackWork {
  readonly method: string;
  /** Code of the decoder; absent where Node has it. */
  readonly code?: CompiledModule;
  readonly littleEndian: boolean;
  /** Of the ring, and how many slots each CPU has in it. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly slots: number;
  readonly orders: readonly UnpackOrder[];
}

/** Bytes in front of a chunk: its size in the file, and that which it becomes. */
export const CHUNK_HEADER = 8;

/** Compressed bytes of event data from which another thread pays: with seven megabytes a check is over a tenth earlier. */
const LONG_DATA = 4 << 20;

/** The CPUs of a recording whose chunks another thread can unpack. */
export function unpackable(trace: TraceDat): readonly CpuData[] {
  return trace.buffers
    .filter(({ compressed }) => compressed)
    .flatMap(({ cpus }) => cpus)
    .filter(({ size, pieces }) => size > 0 && !pieces);
}

/** Whether it pays to start a thread for them. */
export function isLong(cpus: readonly CpuData[]): boolean {
  return cpus.reduce((sum, { size }) => sum + size, 0) >= LONG_DATA;
}
