import { ChunkReader } from '../../src/trace/dat/chunk-reader.ts';
import { openTraceDat } from '../../src/trace/dat/open.ts';
import { Positions } from '../../src/trace/dat/positions.ts';
import type { TraceDat } from '../../src/trace/dat/trace-dat.ts';
import { CpuCursor } from '../../src/trace/events/cpu-cursor.ts';
import { LITTLE_ENDIAN_64 } from '../../src/trace/write/abi.ts';
import { RingBuffer } from '../../src/trace/write/ring-buffer.ts';
import { TraceWriter } from '../../src/trace/write/trace-writer.ts';

/** A record as the ring buffer has it: an event, or the stack behind one. */
export interface RingRecord {
  readonly cpu: number;
  readonly timeNs: number;
  readonly bytes: Uint8Array;
}

/** A recording taken apart, so that it can be written again without some of its records. */
export interface TakenApart {
  readonly trace: TraceDat;
  readonly kallsyms: Uint8Array;
  /** CPU by CPU, in the order of the ring buffer. */
  readonly records: readonly RingRecord[];
}

export async function takeApart(path: string): Promise<TakenApart> {
  const trace = await openTraceDat(path);
  const positions = new Positions(path);
  const records: RingRecord[] = [];
  for (const buffer of trace.buffers) {
    for (const data of buffer.cpus) {
      const reader = new ChunkReader(trace, buffer, data, positions);
      const cursor = new CpuCursor(data.cpu, reader, trace.layout, buffer.subBufferSize, trace.littleEndian);
      while (cursor.enterSubBuffer()) {
        const { view, timesNs, payloads, payloadSizes, count } = cursor;
        for (let i = 0; i < count; i++) {
          const [at, size] = [payloads[i] as number, payloadSizes[i] as number];
          const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size).slice();
          records.push({ cpu: data.cpu, timeNs: timesNs[i] as number, bytes });
        }
      }
    }
  }
  const kallsyms = trace.kallsyms.all();
  trace.file.close();
  return { trace, kallsyms, records };
}

/** How a kernel tells of what it dropped: with the number, or only that it did. */
export type Marking = 'counted' | 'uncounted';

/** Writes the recording without the records at some indices; each gap is marked, as the kernel marks it. */
export async function writeWithout(
  { trace, kallsyms, records }: TakenApart,
  dropped: ReadonlySet<number>,
  marking: Marking,
  path: string,
): Promise<void> {
  const writer = await TraceWriter.create(
    path,
    { formats: trace.formats, kallsyms, traceClock: `[${trace.buffers[0]?.clock}]` },
    { compression: 'none' },
  );
  const ring = new RingBuffer(LITTLE_ENDIAN_64, (cpu, bytes) => writer.write(0, cpu, bytes));
  for (const [i, { cpu, timeNs, bytes }] of records.entries()) {
    const cpuRing = ring.cpu(cpu);
    if (dropped.has(i)) cpuRing.lost(marking === 'counted' ? 1 : -1);
    else cpuRing.bytes.set(bytes, cpuRing.reserve(timeNs, bytes.length));
  }
  ring.flush();
  writer.finish();
}
