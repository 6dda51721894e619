import type { ChunkReader } from '../trace/dat/chunk-reader.ts';
import type { PageLayout } from '../trace/dat/metadata.ts';
import { type ChunkSource, CpuCursor, together } from '../trace/events/cpu-cursor.ts';
import * as b from './assembly/board.ts';
import type { Lane } from './lane.ts';

/** Bytes of the smallest record with its header. */
const SMALLEST = 12;

/** A chunk in the lane's memory, as handlers see it. */
export interface Chunk {
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly position: number;
}

/** One CPU of a trace: its cursor in the lane's memory, and where its chunks come from. */
export class LaneCursor {
  readonly cpu: number;
  readonly reader: ChunkReader;
  /** Where its numbers begin. */
  readonly address: number;
  private readonly lane: Lane;
  private readonly layout: PageLayout;
  private readonly subBufferSize: number;
  private readonly ints: Int32Array;
  private readonly floats: Float64Array;
  private readonly chunks = new Map<number, Chunk>();

  constructor(
    lane: Lane,
    address: number,
    cpu: number,
    reader: ChunkReader,
    layout: PageLayout,
    subBufferSize: number,
  ) {
    this.lane = lane;
    this.address = address;
    this.cpu = cpu;
    this.reader = reader;
    this.layout = layout;
    this.subBufferSize = subBufferSize;
    const { buffer } = lane.memory.memory;
    this.ints = new Int32Array(buffer, address, b.CURSOR_BYTES / 4);
    this.floats = new Float64Array(buffer, address, b.CURSOR_BYTES / 8);
    this.setInt(b.C_CPU, cpu);
    this.setInt(b.C_SUB_BUFFER, subBufferSize);
    this.setInt(b.C_SET, 1);
    const most = Math.ceil(subBufferSize / SMALLEST);
    for (const set of [0, 1]) {
      const at = b.C_SETS + set * b.SET_BYTES;
      this.setInt(at + b.S_TIMES, lane.memory.floats(most).byteOffset);
      this.setInt(at + b.S_PAYLOADS, lane.memory.ints(most).byteOffset);
      this.setInt(at + b.S_SIZES, lane.memory.ints(most).byteOffset);
    }
  }

  /** Time of the current event; of the last one that was found; events and bytes found; events lost before the current. */
  get timeNs(): number {
    return this.float(b.C_TIME);
  }
  get lastNs(): number {
    return this.float(b.C_LAST);
  }
  get events(): number {
    return this.float(b.C_EVENTS);
  }
  get bytes(): number {
    return this.float(b.C_BYTES);
  }
  get lost(): number {
    return this.float(b.C_LOST);
  }

  /** Goes to the first event; false where there is none. */
  begin(): boolean {
    for (;;) {
      const code = this.lane.code.begin(this.address);
      if (code === 0) return true;
      if (code === b.ODD_SUB_BUFFER) this.readOdd();
      else if (!this.nextChunk()) return false;
    }
  }

  /** Loads the next chunk; false where there is none, which the cursor then knows. */
  nextChunk(): boolean {
    const { reader } = this;
    if (!reader.next()) {
      this.setInt(b.C_NEXT, b.NEXT_NONE);
      return false;
    }
    const { bytes, position } = reader;
    this.setInt(b.C_CHUNK, bytes.byteOffset);
    this.setInt(b.C_CHUNK_LENGTH, bytes.length);
    this.setInt(b.C_OFFSET, 0);
    this.setFloat(b.C_CHUNK_POSITION, position);
    this.chunks.set(bytes.byteOffset, {
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      words: new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2),
      position,
    });
    return true;
  }

  /** The chunk that begins at an address. */
  chunkAt(address: number): Chunk {
    return this.chunks.get(address) as Chunk;
  }

  /** Reads a sub-buffer that says of lost events, or is damaged, in the way of all other sources. */
  readOdd(): void {
    const { reader, subBufferSize } = this;
    const offset = this.int(b.C_OFFSET);
    const one = new OneSubBuffer(reader, offset, subBufferSize);
    const cursor = new CpuCursor(this.cpu, one, this.layout, subBufferSize, true);
    const pending = this.float(b.C_PENDING);
    const found = cursor.enterSubBuffer();
    this.setInt(b.C_OFFSET, offset + subBufferSize);
    this.setFloat(b.C_BYTES, this.bytes + cursor.bytes);
    this.setFloat(b.C_PENDING, together(pending, cursor.lost));
    if (!found) return;
    const set = b.C_SETS + (1 - this.int(b.C_SET)) * b.SET_BYTES;
    const chunk = this.int(b.C_CHUNK);
    this.fill(set, cursor, chunk + offset);
    this.setInt(set + b.S_CHUNK, chunk);
    this.setFloat(set + b.S_POSITION, this.float(b.C_CHUNK_POSITION));
    this.lane.code.accept(this.address, this.address + set, cursor.count);
    // What is missing behind the last event.
    cursor.enterSubBuffer();
    this.setFloat(b.C_PENDING, cursor.lost);
  }

  private fill(set: number, cursor: CpuCursor, first: number): void {
    const { buffer } = this.lane.memory.memory;
    const { count, timesNs, payloads, payloadSizes } = cursor;
    this.setInt(set + b.S_COUNT, count);
    new Float64Array(buffer, this.int(set + b.S_TIMES), count).set(timesNs.subarray(0, count));
    new Int32Array(buffer, this.int(set + b.S_SIZES), count).set(payloadSizes.subarray(0, count));
    const into = new Int32Array(buffer, this.int(set + b.S_PAYLOADS), count);
    for (let i = 0; i < count; i++) into[i] = first + (payloads[i] as number);
  }

  private int(offset: number): number {
    return (this.ints[offset >> 2] as number) >>> 0;
  }

  private setInt(offset: number, value: number): void {
    this.ints[offset >> 2] = value;
  }

  private float(offset: number): number {
    return this.floats[offset >> 3] as number;
  }

  private setFloat(offset: number, value: number): void {
    this.floats[offset >> 3] = value;
  }
}

/** A sub-buffer of the current chunk of a reader, as a source of its own. */
class OneSubBuffer implements ChunkSource {
  readonly bytes: Uint8Array;
  readonly position = 0;
  readonly consumed = 0;
  private readonly reader: ChunkReader;
  private left = true;

  constructor(reader: ChunkReader, offset: number, size: number) {
    this.reader = reader;
    this.bytes = reader.bytes.subarray(offset, offset + size);
  }

  next(): boolean {
    const { left } = this;
    this.left = false;
    return left;
  }

  damaged(message: string): void {
    this.reader.damaged(message);
  }
}
