import { OWN_MEMORY, type Store } from '../../kernel/store.ts';

/**
 * Records of several CPUs in the order in which they are judged. They lie in a chunk of memory as those of the ring
 * buffer do in a sub-buffer: each begins with `struct trace_entry` (`common_type`, `common_flags`, `common_pid`) and goes
 * on with the fields of its format, which never changes for a `common_type`. What `CpuCursor` says once for all records
 * of a sub-buffer, or leaves to the record behind, is a column here: the CPU, the position and the stack.
 *
 * The same object each time, overwritten: it is valid until the listener returns.
 */
export interface RecordBatch {
  /** The chunk, in the byte order of this machine, as bytes and as words. */
  readonly view: DataView;
  readonly words: Uint32Array;
  /** Records in the batch: the columns hold as many, and perhaps more that are not ready yet. */
  readonly count: number;
  /** Of each record: when it happened. */
  readonly timesNs: Float64Array;
  /** The offset in {@link view} of its `common_type`, a multiple of 8, and how many bytes it has. */
  readonly payloads: Int32Array;
  readonly payloadSizes: Int32Array;
  readonly cpus: Int32Array;
  /** Where it stands in the input, see `Moment.position`. */
  readonly positions: Float64Array;
  /** The offset in {@link view} of its stack, a multiple of 8, and how many bytes of frames there are; 0 for none. */
  readonly stacks: Int32Array;
  readonly stackSizes: Int32Array;
}

/** Where batches lie: each column in memory of its own, or all in one that compiled code works on as well. */
export interface BatchMemory extends Store {
  /** A chunk of any content, at a multiple of 8. */
  bytes(length: number): Uint8Array;
  release(memory: Int32Array | Float64Array | Uint8Array): void;
}

export const OWN_BATCH_MEMORY: BatchMemory = { ...OWN_MEMORY, bytes: length => new Uint8Array(length) };

/** Called for each batch in the order of its records. */
export type BatchListener = (batch: RecordBatch) => void;
