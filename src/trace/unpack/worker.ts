import { readSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import zlib from 'node:zlib';
import { type NativeZstd, nativeZstd, type RawDecompress } from '../file/raw-decompress.ts';
import { WasmZstd } from '../file/zstd-wasm.ts';
import { CHUNK_HEADER, type UnpackOrder, type UnpackWork } from './order.ts';
import { NEWS, Ring, STOP, STOPPED } from './ring.ts';

// The thread that unpacks chunks ahead of the one that reads them, see unpack-ahead.ts. It hands out what is as it should
// be, and leaves all that is not to the reader, who says what is wrong with it.

/** Bytes read from a file at once. */
const WINDOW = 256 << 10;

/** The chunks of a CPU, one behind the other. */
class Chunks {
  private readonly order: UnpackOrder;
  private readonly littleEndian: boolean;
  private readonly window = new Uint8Array(WINDOW);
  private windowStart = 0;
  private windowEnd = 0;
  private offset: number;
  private count = 0;

  constructor(order: UnpackOrder, littleEndian: boolean) {
    this.order = order;
    this.littleEndian = littleEndian;
    this.offset = order.offset;
  }

  /** Unpacks the next chunk into the next slot; `undefined` where there is none, or not one that is as it should be. */
  next(decompress: RawDecompress): { readonly size: number; readonly stored: number } | undefined {
    const { chunks, slots } = this.order;
    if (this.count === chunks) return undefined;
    const header = this.read(this.offset, CHUNK_HEADER);
    if (!header) return undefined;
    const view = new DataView(header.buffer, header.byteOffset, CHUNK_HEADER);
    const stored = view.getUint32(0, this.littleEndian);
    const size = view.getUint32(4, this.littleEndian);
    const slot = slots[this.count % slots.length] as Uint8Array;
    if (size > slot.length) return undefined;
    const packed = this.read(this.offset + CHUNK_HEADER, stored);
    const bytes = packed && decompress(packed, size);
    if (bytes?.length !== size) return undefined;
    slot.set(bytes);
    this.offset += CHUNK_HEADER + stored;
    this.count++;
    return { size, stored };
  }

  /** Exactly so many bytes, valid until the next call; `undefined` where the file has fewer, or they are very many. */
  private read(offset: number, length: number): Uint8Array | undefined {
    const { fd, fileSize } = this.order;
    if (offset + length > fileSize || length > WINDOW) return undefined;
    if (offset < this.windowStart || offset + length > this.windowEnd) {
      this.windowStart = offset;
      this.windowEnd = offset + readSync(fd, this.window, 0, Math.min(WINDOW, fileSize - offset), offset);
      if (offset + length > this.windowEnd) return undefined;
    }
    const at = offset - this.windowStart;
    return this.window.subarray(at, at + length);
  }
}

function decompressorOf({ method, code }: UnpackWork): RawDecompress {
  if (method === 'zlib') return (bytes, size) => zlib.inflateSync(bytes, { maxOutputLength: size });
  if (!code) return nativeZstd(zlib as unknown as NativeZstd);
  const decoder = WasmZstd.of(code);
  return (bytes, size) => decoder.decompress(bytes, size);
}

function unpack(work: UnpackWork): void {
  const { words, slots, orders, littleEndian } = work;
  const ring = new Ring(words, slots);
  const cpus = orders.map(order => new Chunks(order, littleEndian));
  try {
    const decompress = decompressorOf(work);
    const left = new Set(cpus.keys());
    while (left.size > 0 && Atomics.load(words, STOP) === 0) {
      const news = Atomics.load(words, NEWS);
      let hasUnpacked = false;
      for (const cpu of left) {
        if (!ring.hasRoom(cpu)) continue;
        const chunk = nextOf(cpus[cpu] as Chunks, decompress);
        hasUnpacked = true;
        if (chunk) {
          ring.push(cpu, chunk.size, chunk.stored);
        } else {
          left.delete(cpu);
          ring.setDone(cpu);
        }
      }
      if (!hasUnpacked) Atomics.wait(words, NEWS, news);
    }
  } finally {
    for (const cpu of cpus.keys()) ring.setDone(cpu);
    Atomics.store(words, STOPPED, 1);
    Atomics.notify(words, STOPPED);
  }
}

function nextOf(chunks: Chunks, decompress: RawDecompress): ReturnType<Chunks['next']> {
  try {
    return chunks.next(decompress);
  } catch {
    return undefined;
  }
}

unpack(workerData as UnpackWork);
