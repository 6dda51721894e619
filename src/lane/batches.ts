import type { EventHandler } from '../trace/events/raw-event.ts';
import type { RecordBatch } from '../trace/events/record-batch.ts';
import * as b from './assembly/board.ts';
import type { Chunk } from './cursors.ts';
import { LaneHost, type LaneParties } from './host.ts';

/** `struct trace_entry` as records of batches have it: type, flags and pid in the first 8 bytes. */
const FLAGS_SHIFT = 16;
const PID_AT = 4;

/** Hands the records of batches out as `BatchDelivery` does, but for ordinary ones: these the lane tells by itself. */
export class LaneBatches {
  private readonly host: LaneHost;
  private bytes: Uint8Array = new Uint8Array(0);
  private chunk: Chunk = { view: new DataView(new ArrayBuffer(0)), words: new Uint32Array(0), position: 0 };
  private longs: readonly Float64Array[] = [];
  private shorts: readonly Int32Array[] = [];

  constructor(parties: LaneParties, handlerFor: (id: number) => EventHandler | undefined) {
    this.host = new LaneHost(parties, handlerFor);
    const { lane } = this.host;
    lane.setInt(b.FLAGS_SHIFT, FLAGS_SHIFT);
    lane.setInt(b.PID_AT, PID_AT);
  }

  deliver(batch: RecordBatch): void {
    const { host } = this;
    const { lane } = host;
    this.copy(batch);
    host.give();
    for (let code = lane.code.runBatch(); code !== b.DONE; code = lane.code.runBatch()) {
      host.answer(code, lane.int(b.OUT_CPU), () => this.chunk);
    }
    host.takeBack();
  }

  countsById(): Map<number, number> {
    return this.host.countsById();
  }

  /** Events that the lane has told by itself. */
  get ordinary(): number {
    return this.host.ordinary;
  }

  /** All batches are delivered. */
  end(): void {
    this.host.end();
  }

  private copy(batch: RecordBatch): void {
    const { lane } = this.host;
    const { count, view } = batch;
    if (view.byteLength > this.bytes.length) this.makeRoomForBytes(view.byteLength);
    if (count > (this.longs[0]?.length ?? 0)) this.makeRoomForRecords(count);
    this.bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    for (const [i, column] of [batch.timesNs, batch.positions].entries()) {
      this.longs[i]?.set(column.subarray(0, count));
    }
    const { payloads, payloadSizes, cpus, stacks, stackSizes } = batch;
    for (const [i, column] of [payloads, payloadSizes, cpus, stacks, stackSizes].entries()) {
      this.shorts[i]?.set(column.subarray(0, count));
    }
    lane.setInt(b.BATCH_COUNT, count);
    lane.setInt(b.BATCH_NEXT, 0);
  }

  private makeRoomForBytes(length: number): void {
    const { lane } = this.host;
    lane.memory.release(this.bytes);
    const bytes = lane.memory.bytes(length);
    this.bytes = bytes;
    this.chunk = {
      view: new DataView(bytes.buffer, bytes.byteOffset, length),
      words: new Uint32Array(bytes.buffer, bytes.byteOffset, length >>> 2),
      position: 0,
    };
    lane.setInt(b.BATCH_CHUNK, bytes.byteOffset);
  }

  private makeRoomForRecords(count: number): void {
    const { lane } = this.host;
    for (const column of [...this.longs, ...this.shorts]) lane.memory.release(column);
    this.longs = [b.BATCH_TIMES, b.BATCH_POSITIONS].map(slot => {
      const column = lane.memory.floats(count);
      lane.setColumn(slot, column);
      return column;
    });
    const slots = [b.BATCH_PAYLOADS, b.BATCH_SIZES, b.BATCH_CPUS, b.BATCH_STACKS, b.BATCH_STACK_SIZES];
    this.shorts = slots.map(slot => {
      const column = lane.memory.ints(count);
      lane.setColumn(slot, column);
      return column;
    });
  }
}
