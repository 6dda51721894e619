import { ChunkReader } from '../trace/dat/chunk-reader.ts';
import type { Positions } from '../trace/dat/positions.ts';
import type { TraceDat } from '../trace/dat/trace-dat.ts';
import { NOTHING_LOST } from '../trace/events/cpu-cursor.ts';
import type { EventFormat } from '../trace/events/event-format.ts';
import { commonFields, type WalkListener, type WalkResult } from '../trace/events/walk.ts';
import type { UnpackAhead } from '../trace/unpack/unpack-ahead.ts';
import * as b from './assembly/board.ts';
import { LaneCursor } from './cursors.ts';
import { LaneHost, type LaneParties } from './host.ts';

/** Events between two calls of `progress`. */
const PROGRESS_STEP = 65_536;

/** Starts a thread that unpacks the chunks of the trace into shared memory. */
export type StartAhead = (allocate: (size: number) => Uint8Array) => UnpackAhead;

/** What a finished walk has counted, and how many events the lane has told by itself. */
export interface LaneResult extends WalkResult {
  readonly ordinary: number;
}

/**
 * Walks all events of a trace as `walkEvents` does, with the same calls of the listener and of handlers, but for ordinary
 * events: these the lane tells to the shadow by itself. Only for little-endian traces of a 64-bit kernel.
 *
 * @param startAhead starts another thread that unpacks chunks into memory of the lane
 */
export function walkInLane(
  parties: LaneParties,
  trace: TraceDat,
  positions: Positions,
  formatOf: (name: string) => EventFormat | undefined,
  listener: WalkListener,
  startAhead?: StartAhead,
): LaneResult {
  const walk = new LaneWalk(parties, trace, positions, formatOf, listener, startAhead);
  try {
    return walk.run();
  } finally {
    walk.close();
  }
}

class LaneWalk {
  private readonly host: LaneHost;
  private readonly listener: WalkListener;
  private readonly cursors: LaneCursor[] = [];
  private readonly firsts: number[] = [];
  private readonly total: number;
  private readonly ahead: UnpackAhead | undefined;

  constructor(
    parties: LaneParties,
    trace: TraceDat,
    positions: Positions,
    formatOf: (name: string) => EventFormat | undefined,
    listener: WalkListener,
    startAhead: StartAhead | undefined,
  ) {
    this.listener = listener;
    this.host = new LaneHost(parties, id => listener.handlerFor(id));
    const { lane } = this.host;
    const { memory } = lane;
    this.tellFields(trace, formatOf);
    const all = trace.buffers.flatMap(buffer => buffer.cpus.map(data => ({ buffer, data })));
    this.total = all.reduce((sum, { data }) => sum + data.size, 0);
    const allocate = (size: number): Uint8Array => memory.bytes(size);
    this.ahead = startAhead?.(allocate);
    const places = memory.ints((all.length * b.CURSOR_BYTES) / 4 || 1);
    let used = 0;
    for (const { buffer, data } of all) {
      const reader = new ChunkReader(trace, buffer, data, positions, allocate, this.ahead?.of(data));
      const address = places.byteOffset + used * b.CURSOR_BYTES;
      new Uint8Array(memory.memory.buffer, address, b.CURSOR_BYTES).fill(0);
      const cursor = new LaneCursor(lane, address, data.cpu, reader, trace.layout, buffer.subBufferSize);
      if (!cursor.begin()) continue;
      used++;
      this.cursors.push(cursor);
      this.firsts.push(cursor.timeNs);
    }
    lane.setColumn(b.CURSORS, places);
    // Sorted is a heap, too.
    const order = this.cursors.map((_, i) => i);
    order.sort((one, other) => (this.firsts[one] as number) - (this.firsts[other] as number) || one - other);
    const heap = memory.ints(order.length + 1);
    heap.set(order.map(i => (this.cursors[i] as LaneCursor).address));
    lane.setColumn(b.HEAP, heap);
    lane.setInt(b.HEAP_SIZE, this.cursors.length);
  }

  /** The files of the trace will be closed. */
  close(): void {
    this.ahead?.close();
  }

  run(): LaneResult {
    const { host, cursors, listener } = this;
    const { lane } = host;
    for (const cursor of cursors) {
      if (cursor.lost === NOTHING_LOST) continue;
      listener.eventsLost(cursor.cpu, cursor.lost, Number.NEGATIVE_INFINITY, cursor.timeNs);
    }
    host.give();
    for (let code = lane.code.run(PROGRESS_STEP); code !== b.DONE; code = lane.code.run(PROGRESS_STEP)) {
      this.answer(code);
    }
    host.takeBack();
    host.end();
    const events = lane.float(b.EVENTS);
    return {
      events,
      counts: host.countsById(),
      perCpu: cursors.map((cursor, i) => ({
        cpu: cursor.cpu,
        events: cursor.events,
        firstNs: this.firsts[i] as number,
        lastNs: cursor.lastNs,
        bytes: cursor.bytes,
      })),
      firstNs: events === 0 ? 0 : this.firsts.reduce((least, firstNs) => Math.min(least, firstNs)),
      lastNs: lane.float(b.LAST_TIME),
      ordinary: host.ordinary,
    };
  }

  /** Does what the lane asks for. */
  private answer(code: number): void {
    const { host, listener } = this;
    const { lane } = host;
    const cursor = this.cursors[lane.int(b.OUT_CURSOR)] as LaneCursor;
    switch (code) {
      case b.NEED_CHUNK:
        cursor.nextChunk();
        return;
      case b.ODD_SUB_BUFFER:
        cursor.readOdd();
        return;
      case b.PAUSE:
        listener.progress?.(
          this.cursors.reduce((sum, { reader }) => sum + reader.consumed, 0),
          this.total,
        );
        return;
      case b.LOST:
        host.takeBack();
        listener.eventsLost(cursor.cpu, cursor.lost, lane.float(b.LAST_TIME), cursor.timeNs);
        host.give();
        return;
      default:
        host.answer(code, cursor.cpu, address => cursor.chunkAt(address));
    }
  }

  private tellFields(trace: TraceDat, formatOf: (name: string) => EventFormat | undefined): void {
    const { lane } = this.host;
    const { layout, littleEndian } = trace;
    const common = commonFields(formatOf, littleEndian);
    lane.setInt(b.TYPE_AT, common.typeWord * 4);
    lane.setInt(b.TYPE_SHIFT, common.typeShift);
    lane.setInt(b.FLAGS_AT, common.flagsWord * 4);
    lane.setInt(b.FLAGS_SHIFT, common.flagsShift);
    lane.setInt(b.PID_AT, common.pidWord * 4);
    lane.setInt(b.STACK_ID, common.stackId);
    lane.setInt(b.STACK_SIZE_AT, common.stackSize);
    lane.setInt(b.STACK_FRAMES_AT, common.stackFrames);
    lane.setInt(b.COMMIT_AT, layout.commitOffset);
    lane.setInt(b.TIMESTAMP_AT, layout.timestampOffset);
    lane.setInt(b.DATA_AT, layout.dataOffset);
  }
}
