import type { EventHandler } from '../trace/events/raw-event.ts';
import type { BatchMemory, RecordBatch } from '../trace/events/record-batch.ts';
import * as b from './assembly/board.ts';
import type { Chunk } from './cursors.ts';
import { LaneHost, type LaneParties } from './host.ts';

/** `struct trace_entry` as records of batches have it: type, flags and pid in the first 8 bytes. */
const FLAGS_SHIFT = 16;
const PID_AT = 4;

/** Hands the records of batches out as `BatchDelivery` does, but for ordinary ones: these the lane tells by itself. */
export class LaneBatches {
  /** Where the batches must lie. */
  readonly memory: BatchMemory;
  private readonly host: LaneHost;
  private chunk: Chunk = { view: new DataView(new ArrayBuffer(0)), words: new Uint32Array(0), position: 0 };

  constructor(parties: LaneParties, handlerFor: (id: number) => EventHandler | undefined) {
    this.host = new LaneHost(parties, handlerFor);
    const { lane } = this.host;
    this.memory = lane.memory;
    lane.setInt(b.FLAGS_SHIFT, FLAGS_SHIFT);
    lane.setInt(b.PID_AT, PID_AT);
  }

  deliver(batch: RecordBatch): void {
    const { host } = this;
    const { lane } = host;
    this.take(batch);
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

  private take(batch: RecordBatch): void {
    const { lane } = this.host;
    const { view, words } = batch;
    if (view !== this.chunk.view) {
      this.chunk = { view, words, position: 0 };
      lane.setInt(b.BATCH_CHUNK, view.byteOffset);
      lane.setColumn(b.BATCH_TIMES, batch.timesNs);
      lane.setColumn(b.BATCH_POSITIONS, batch.positions);
      lane.setColumn(b.BATCH_PAYLOADS, batch.payloads);
      lane.setColumn(b.BATCH_SIZES, batch.payloadSizes);
      lane.setColumn(b.BATCH_CPUS, batch.cpus);
      lane.setColumn(b.BATCH_STACKS, batch.stacks);
      lane.setColumn(b.BATCH_STACK_SIZES, batch.stackSizes);
    }
    lane.setInt(b.BATCH_COUNT, batch.count);
    lane.setInt(b.BATCH_NEXT, 0);
  }
}
