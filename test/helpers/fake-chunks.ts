import type { ChunkReader } from '../../src/trace/dat/chunk-reader.ts';
import { CpuCursor, NOTHING_LOST } from '../../src/trace/events/cpu-cursor.ts';
import { layoutOf, type Machine, SUB_BUFFER } from './ring-buffer.ts';

/** The part of a {@link ChunkReader} that a cursor uses, without a file: hands out chunks from memory. */
export class FakeChunks {
  bytes: Uint8Array = new Uint8Array(0);
  position = 0;
  consumed = 0;
  readonly gaps: string[] = [];
  private readonly chunks: Uint8Array[];

  constructor(chunks: readonly Uint8Array[]) {
    this.chunks = [...chunks];
  }

  next(): boolean {
    const chunk = this.chunks.shift();
    if (!chunk) return false;
    // In a larger buffer, between bytes that look like events: what reads past the chunk does not go unnoticed.
    const around = new Uint8Array(chunk.length + 128).fill(0x41);
    around.set(chunk, 64);
    this.bytes = around.subarray(64, 64 + chunk.length);
    this.position = this.consumed;
    this.consumed += chunk.length;
    return true;
  }

  damaged(message: string): void {
    this.gaps.push(message);
  }
}

/** What a cursor says about one event. */
export interface SeenEvent {
  readonly timeNs: number;
  readonly payload: Uint8Array;
  readonly lost: number;
}

/** Everything that a cursor finds in some chunks of sub-buffers. */
export function readChunks(
  machine: Machine,
  chunks: readonly Uint8Array[],
  subBufferSize = SUB_BUFFER,
): { readonly events: SeenEvent[]; readonly gaps: string[]; readonly cursor: CpuCursor } {
  const reader = new FakeChunks(chunks);
  const layout = layoutOf(machine, subBufferSize);
  const cursor = new CpuCursor(
    0,
    reader as unknown as ChunkReader,
    layout,
    subBufferSize,
    machine.littleEndian,
  );
  const events: SeenEvent[] = [];
  while (cursor.enterSubBuffer()) {
    const { view, timesNs, payloads, payloadSizes, lost, count } = cursor;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i] as number;
      const payloadSize = payloadSizes[i] as number;
      if (payload < 0 || payload + payloadSize > view.byteLength)
        throw new Error('an event outside of its chunk');
      const bytes = new Uint8Array(view.buffer, view.byteOffset + payload, payloadSize);
      events.push({
        timeNs: timesNs[i] as number,
        payload: bytes.slice(),
        lost: i === 0 ? lost : NOTHING_LOST,
      });
    }
  }
  return { events, gaps: reader.gaps, cursor };
}
