import type { InputFile } from '../file/input-file.ts';
import { ReadAhead } from '../file/read-ahead.ts';
import { unfilled } from '../file/unfilled.ts';
import type { Gap } from '../source.ts';
import { TraceError } from '../trace-error.ts';
import { CHUNK_HEADER } from '../unpack/order.ts';
import type { UnpackedChunks } from '../unpack/unpack-ahead.ts';
import type { Positions } from './positions.ts';
import type { CpuData, Piece, TraceBuffer, TraceDat } from './trace-dat.ts';

/** Bytes of uncompressed data read at once. */
const WINDOW = 256 << 10;

/**
 * Reads the sub-buffers of one CPU from the file, a chunk at a time. What cannot be read ends this CPU's data and
 * is noted as a gap; the other CPUs go on.
 */
export class ChunkReader {
  /** The current chunk: whole sub-buffers, the last one perhaps cut short. Stays as it is until the next but one. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Of the first byte of {@link bytes}, see {@link Positions}. */
  position = 0;
  /** Bytes of the file that were consumed so far, for progress. */
  consumed = 0;

  private readonly trace: TraceDat;
  private readonly file: InputFile;
  private readonly ahead: ReadAhead;
  private readonly data: CpuData;
  private readonly compressed: boolean;
  private readonly window: number;
  private readonly positions: Positions;
  private buffers: readonly [older: Uint8Array, newer: Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  private readonly allocate: (size: number) => Uint8Array;
  private offset: number;
  /** Of the current chunk in the file. */
  private chunkOffset = 0;
  private end: number;
  private chunksLeft = -1;
  private chunksRead = 0;
  private unpacked: UnpackedChunks | undefined;
  private nextPiece = 0;

  /**
   * @param allocate memory for chunks, of any content
   * @param unpacked chunks that another thread unpacks
   */
  constructor(
    trace: TraceDat,
    buffer: TraceBuffer,
    data: CpuData,
    positions: Positions,
    allocate: (size: number) => Uint8Array = unfilled,
    unpacked?: UnpackedChunks,
  ) {
    this.allocate = allocate;
    this.unpacked = unpacked;
    this.trace = trace;
    this.file = data.file ?? trace.file;
    this.ahead = new ReadAhead(this.file);
    this.data = data;
    this.compressed = buffer.compressed;
    this.window = Math.ceil(WINDOW / buffer.subBufferSize) * buffer.subBufferSize;
    this.positions = positions;
    this.offset = data.offset;
    this.end = data.offset + data.size;
  }

  /** Reads the next chunk; `false` at the end of this CPU's data. */
  next(): boolean {
    if (this.data.size === 0) return false;
    try {
      if (this.data.pieces) return this.nextOfPieces(this.data.pieces);
      return this.compressed ? this.nextCompressed() : this.nextWindow();
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      this.endsEarly(error.message);
      return false;
    }
  }

  /** Notes that a part of the current chunk cannot be read; reading goes on behind it. */
  damaged(message: string): void {
    this.note(this.chunkOffset, `some events of CPU ${this.data.cpu} were not read: ${message}`);
  }

  private endsEarly(message: string): void {
    this.note(this.offset, `the rest of CPU ${this.data.cpu} was not read: ${message}`);
  }

  private note(offset: number, message: string): void {
    const gap: Gap = { ...(this.data.file && { file: this.file.name }), offset, message };
    this.trace.gaps.push(gap);
  }

  private nextWindow(): boolean {
    const length = Math.min(this.window, this.end - this.offset);
    if (length <= 0) return false;
    const bytes = this.file.readUpTo(this.offset, length, this.nextBuffer(length));
    this.accept(bytes, this.offset, false);
    this.offset += bytes.length;
    this.consumed += bytes.length;
    if (bytes.length === length) return true;
    this.gapAtEndOfFile();
    this.offset = this.end;
    return bytes.length > 0;
  }

  private nextOfPieces(pieces: readonly Piece[]): boolean {
    if (!this.compressed && this.nextPiece > 0 && this.offset < this.end) return this.nextWindow();
    const piece = pieces[this.nextPiece];
    if (!piece) return false;
    this.nextPiece++;
    this.offset = piece.offset;
    this.end = piece.offset + piece.size;
    return this.compressed ? this.nextChunk() : this.nextWindow();
  }

  private nextCompressed(): boolean {
    if (this.chunksLeft < 0) this.chunksLeft = this.word();
    if (this.chunksLeft === 0) return false;
    this.chunksLeft--;
    return this.nextUnpacked() || this.nextChunk();
  }

  /** Takes a chunk that is unpacked already; false where the next one is not. */
  private nextUnpacked(): boolean {
    if (!this.unpacked || this.chunksRead++ < this.unpacked.first) return false;
    const chunk = this.unpacked.next();
    if (!chunk) {
      this.unpacked = undefined;
      return false;
    }
    const at = this.offset + CHUNK_HEADER;
    this.offset = at + chunk.stored;
    this.consumed += CHUNK_HEADER + chunk.stored;
    this.accept(chunk.bytes, at, true);
    return true;
  }

  private nextChunk(): boolean {
    const stored = this.word();
    const size = this.word();
    const at = this.offset;
    if (at + stored > this.file.size) {
      this.chunksLeft = 0;
      this.gapAtEndOfFile();
      return false;
    }
    const decompress = this.trace.decompress;
    if (!decompress)
      throw new TraceError(this.file.name, 'its data is compressed, but it names no compression', at);
    const chunk = this.ahead.read(at, stored, 'a chunk of event data');
    const decompressed = decompress(chunk, size, this.file.name, at);
    const bytes = this.nextBuffer(size).subarray(0, size);
    bytes.set(decompressed);
    this.offset += stored;
    this.consumed += CHUNK_HEADER + stored;
    this.accept(bytes, at, true);
    return true;
  }

  /**
   * The memory for the next chunk, of `size` bytes or more: that of the chunk before the current one. New memory for each
   * would cost as much as filling it.
   */
  private nextBuffer(size: number): Uint8Array {
    const [older, newer] = this.buffers;
    const next = older.length >= size ? older : this.allocate(size);
    this.buffers = [newer, next];
    return next;
  }

  private accept(bytes: Uint8Array, offset: number, compressed: boolean): void {
    this.bytes = bytes;
    this.chunkOffset = offset;
    this.position = this.positions.add(offset, bytes.length, compressed, this.file.name);
  }

  private word(): number {
    const bytes = this.ahead.read(this.offset, 4, 'the size of a chunk of event data');
    this.offset += 4;
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, this.trace.littleEndian);
  }

  private gapAtEndOfFile(): void {
    this.endsEarly(`the file ends at byte ${this.file.size}, before the end of its data`);
  }
}
