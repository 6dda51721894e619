import type { Store } from '../kernel/store.ts';
import { Memory } from './webassembly.ts';

/** Bytes of a page of WebAssembly memory. */
const PAGE = 65_536;

/** All columns and chunks begin at a multiple of this. */
const ALIGNMENT = 16;

/**
 * The memory that the lane shares with the tables. It is a shared one, so that it can grow while columns lie in it: what
 * was there stays valid. Nobody else works on it: everything happens on one thread.
 */
export class LaneMemory implements Store {
  readonly memory = new Memory({ initial: 64, maximum: 65_536, shared: true });
  /** Counts what was given out: whoever holds addresses looks whether it has changed. */
  given = 0;
  private next = 0;
  /** What was given back, by its bytes. Columns grow by doubling, so the sizes are few. */
  private readonly free = new Map<number, number[]>();

  /** @param first address of the first byte that may be given out */
  start(first: number): void {
    this.next = first;
  }

  ints(length: number): Int32Array {
    const at = this.take(length * 4);
    return new Int32Array(this.memory.buffer, at, length);
  }

  floats(length: number): Float64Array {
    const at = this.take(length * 8);
    return new Float64Array(this.memory.buffer, at, length);
  }

  /** Bytes for a chunk, of any content. */
  bytes(length: number): Uint8Array {
    const at = this.find(length);
    return new Uint8Array(this.memory.buffer, at, length);
  }

  release(column: Int32Array | Float64Array | Uint8Array): void {
    if (!(column.buffer instanceof SharedArrayBuffer)) return;
    const bytes = rounded(column.byteLength);
    const list = this.free.get(bytes);
    if (list) list.push(column.byteOffset);
    else this.free.set(bytes, [column.byteOffset]);
  }

  private take(length: number): number {
    const before = this.next;
    const at = this.find(length);
    // Fresh memory is of zeroes.
    if (at < before) new Uint8Array(this.memory.buffer, at, length).fill(0);
    return at;
  }

  private find(length: number): number {
    this.given++;
    const bytes = rounded(length);
    const reused = this.free.get(bytes)?.pop();
    if (reused !== undefined) return reused;
    const at = this.next;
    this.next += bytes;
    const missing = this.next - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(Math.max(missing, this.memory.buffer.byteLength / 4) / PAGE));
    return at;
  }
}

function rounded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
