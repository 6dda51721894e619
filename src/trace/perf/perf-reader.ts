import type { Positions } from '../dat/positions.ts';
import { wordsOf } from '../events/words.ts';
import type { ZstdStream } from '../file/containers.ts';
import type { InputFile } from '../file/input-file.ts';
import type { Gap, Progress } from '../source.ts';
import { TraceError } from '../trace-error.ts';
import { RECORD } from './perf-format.ts';
import type { PerfHeader } from './perf-header.ts';
import { type PerfRecords, RECORD_HEADER_BYTES } from './perf-records.ts';
import type { PerfChunk } from './sample-order.ts';
import { readTracingData } from './tracing-data.ts';

/** Bytes read at once; a record has 64 KiB at most. */
const WINDOW = 1 << 20;

/** Walks the records of a perf.data from its first to its last, those inside of compressed records included. */
export class PerfReader {
  private readonly file: InputFile;
  private readonly header: PerfHeader;
  private readonly positions: Positions;
  private readonly records: PerfRecords;
  private readonly gaps: Gap[];
  private readonly progress: Progress | undefined;
  /** The end of what was decompressed last, where it is no whole record. */
  private rest: Uint8Array = new Uint8Array(0);
  /** Of the compressed record in hand. */
  private compressedAt = 0;
  private isAtEnd = false;

  constructor(
    file: InputFile,
    header: PerfHeader,
    positions: Positions,
    records: PerfRecords,
    gaps: Gap[],
    progress: Progress | undefined,
  ) {
    this.file = file;
    this.header = header;
    this.positions = positions;
    this.records = records;
    this.gaps = gaps;
    this.progress = progress;
  }

  /** @param zstd decompresses the content of compressed records, which is one stream over all of them */
  read(zstd: ZstdStream | undefined): void {
    if (!zstd) {
      for (const _ of this.plainRecords()) {
        this.gaps.push({
          offset: this.compressedAt,
          message: 'it holds compressed records but does not say so; they were not read',
        });
        break;
      }
      return;
    }
    try {
      for (const piece of zstd(this.plainRecords())) this.decompressed(piece);
    } catch (error) {
      // perf does not end its stream: that more is expected behind the last record is no damage.
      if (error instanceof TraceError) throw error;
      if (this.isAtEnd) return;
      this.gaps.push({
        offset: this.compressedAt,
        message: 'the compressed records are damaged: the rest of the file was not read',
      });
    }
    if (this.rest.length > 0) {
      this.gaps.push({
        offset: this.compressedAt,
        message: 'the last compressed record ends in the middle of another',
      });
    }
  }

  /** Walks the records of the file itself, and hands out the content of those that are compressed. */
  private *plainRecords(): Generator<Uint8Array> {
    yield* this.recordsOfFile();
    this.isAtEnd = true;
  }

  private *recordsOfFile(): Generator<Uint8Array> {
    const { file, header } = this;
    for (let offset = header.dataOffset; offset < header.dataEnd; ) {
      const chunk = this.chunkOf(
        file.readUpTo(offset, Math.min(WINDOW, header.dataEnd - offset)),
        offset,
        false,
      );
      const { view } = chunk;
      const end = chunk.bytes.length;
      let at = 0;
      while (at + RECORD_HEADER_BYTES <= end) {
        const type = view.getUint32(at, header.littleEndian);
        const size = view.getUint16(at + 6, header.littleEndian);
        if (size < RECORD_HEADER_BYTES) {
          this.gaps.push({
            offset: offset + at,
            message: `a record claims ${size} bytes, fewer than its header has; the rest of the file was not read`,
          });
          return;
        }
        if (at + size > end) break;
        if (type === RECORD.compressed || type === RECORD.compressed2) {
          this.compressedAt = offset + at;
          yield compressedContent(chunk, type, at, size, header.littleEndian);
        } else if (type === RECORD.tracingData || type === RECORD.auxtrace) {
          // Data follows that is not counted in the size of the record.
          at += this.followedByData(chunk, type, at, size, offset);
        } else {
          this.records.accept(chunk, type, at, size);
        }
        at += size;
        // Old compressed records have any size; what stands behind them is read again at a place for words.
        if (at % 8 !== 0) break;
      }
      if (at === 0) {
        this.gaps.push({
          offset,
          message: `the file ends in the middle of a record, after ${file.size} bytes`,
        });
        return;
      }
      offset += at;
      this.progress?.(offset, header.dataEnd);
    }
  }

  /** Bytes of the data behind a record: the formats of a stream are read, the traces of a processor are passed over. */
  private followedByData(chunk: PerfChunk, type: number, at: number, size: number, offset: number): number {
    const { littleEndian } = this.header;
    if (size < RECORD_HEADER_BYTES + 8) return 0;
    const low = chunk.view.getUint32(at + RECORD_HEADER_BYTES, littleEndian);
    if (type === RECORD.auxtrace)
      return littleEndian ? low : chunk.view.getUint32(at + RECORD_HEADER_BYTES + 4);
    const start = offset + at + size;
    const bytes = this.file.read(start, low, 'the formats of the events');
    this.header.tracing ??= readTracingData(bytes, this.file.name, start);
    return Math.ceil(low / 8) * 8;
  }

  /** Walks the records in a piece of decompressed content. */
  private decompressed(piece: Uint8Array): void {
    const bytes = new Uint8Array(this.rest.length + piece.length);
    bytes.set(this.rest);
    bytes.set(piece, this.rest.length);
    const chunk = this.chunkOf(bytes, this.compressedAt, true);
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= bytes.length) {
      const type = chunk.view.getUint32(at, this.header.littleEndian);
      const size = chunk.view.getUint16(at + 6, this.header.littleEndian);
      if (size < RECORD_HEADER_BYTES) throw new Error('no record');
      if (at + size > bytes.length) break;
      this.records.accept(chunk, type, at, size);
      at += size;
    }
    this.rest = bytes.slice(at);
  }

  private chunkOf(bytes: Uint8Array, offset: number, compressed: boolean): PerfChunk {
    return {
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      words: wordsOf(bytes, this.header.littleEndian),
      position: this.positions.add(offset, bytes.length, compressed),
    };
  }
}

/** The newer form says how long its content is, and is filled up to a multiple of 8. */
function compressedContent(
  { bytes, view }: PerfChunk,
  type: number,
  at: number,
  size: number,
  littleEndian: boolean,
): Uint8Array {
  const start = at + RECORD_HEADER_BYTES;
  if (type === RECORD.compressed || size < RECORD_HEADER_BYTES + 8) return bytes.subarray(start, at + size);
  const length = view.getUint32(littleEndian ? start : start + 4, littleEndian);
  return bytes.subarray(start + 8, Math.min(at + size, start + 8 + length));
}
