import type { PageRefs } from '../shadow/page-refs.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { Binder } from '../trace/bindings/binder.ts';
import { ChunkReader } from '../trace/dat/chunk-reader.ts';
import type { Positions } from '../trace/dat/positions.ts';
import type { TraceDat } from '../trace/dat/trace-dat.ts';
import { NOTHING_LOST } from '../trace/events/cpu-cursor.ts';
import type { EventFormat } from '../trace/events/event-format.ts';
import { type EventHandler, newRawEvent } from '../trace/events/raw-event.ts';
import { commonFields, type WalkListener, type WalkResult } from '../trace/events/walk.ts';
import type { TraceNames } from '../trace/names/trace-names.ts';
import * as b from './assembly/board.ts';
import { LaneCursor } from './cursors.ts';
import { Lane } from './lane.ts';
import { Lent } from './lent.ts';
import { wordsOfRecipe } from './recipes.ts';

/** Events between two calls of `progress`. */
const PROGRESS_STEP = 65_536;

/** Kinds of events that there is room for at first. */
const INITIAL_KINDS = 256;

/** What a lane works for. */
export interface LaneParties {
  readonly shadow: Shadow;
  readonly refs: PageRefs;
  readonly names: TraceNames;
  readonly binder: Binder;
  /** Which kinds of ordinary events the checks want to see. */
  readonly wanted: () => number;
}

/** What a finished walk has counted, and how many events the lane has told by itself. */
export interface LaneResult extends WalkResult {
  readonly ordinary: number;
}

/**
 * Walks all events of a trace as `walkEvents` does, with the same calls of the listener and of handlers, but for ordinary
 * events: these the lane tells to the shadow by itself. Only for little-endian traces of a 64-bit kernel.
 */
export function walkInLane(
  parties: LaneParties,
  trace: TraceDat,
  positions: Positions,
  formatOf: (name: string) => EventFormat | undefined,
  listener: WalkListener,
): LaneResult {
  return new LaneWalk(parties, trace, positions, formatOf, listener).run();
}

class LaneWalk {
  private readonly lane = new Lane();
  private readonly parties: LaneParties;
  private readonly lent: Lent;
  private readonly listener: WalkListener;
  private readonly cursors: LaneCursor[] = [];
  private readonly firsts: number[] = [];
  private readonly total: number;
  private readonly event = newRawEvent(true);
  private readonly kinds: Int32Array;
  private recipes: Int32Array;
  private counts: Float64Array;
  /** Of each kind: its `common_type`, who handles it, and the recipe that the lane has. */
  private readonly ids = [-1];
  private readonly handlers: (EventHandler | undefined)[] = [undefined];
  private readonly known: (EventHandler['recipe'] | undefined)[] = [undefined];

  constructor(
    parties: LaneParties,
    trace: TraceDat,
    positions: Positions,
    formatOf: (name: string) => EventFormat | undefined,
    listener: WalkListener,
  ) {
    this.parties = parties;
    this.listener = listener;
    const { lane } = this;
    const { memory } = lane;
    const { shadow, refs, binder, names, wanted } = parties;
    this.lent = new Lent(lane, shadow, refs, binder, names, wanted);
    this.kinds = memory.ints(65_536);
    this.recipes = memory.ints(INITIAL_KINDS * b.RECIPE_WORDS);
    this.counts = memory.floats(INITIAL_KINDS);
    lane.setColumn(b.KINDS, this.kinds);
    this.tellKinds();
    this.tellFields(trace, formatOf);

    const all = trace.buffers.flatMap(buffer => buffer.cpus.map(data => ({ buffer, data })));
    this.total = all.reduce((sum, { data }) => sum + data.size, 0);
    const places = memory.ints((all.length * b.CURSOR_BYTES) / 4 || 1);
    let used = 0;
    for (const { buffer, data } of all) {
      const reader = new ChunkReader(trace, buffer, data, positions, size => memory.bytes(size));
      const address = places.byteOffset + used * b.CURSOR_BYTES;
      new Uint8Array(memory.memory.buffer, address, b.CURSOR_BYTES).fill(0);
      const cursor = new LaneCursor(lane, address, data.cpu, reader, trace.layout, buffer.subBufferSize);
      if (!cursor.begin()) continue;
      used++;
      this.cursors.push(cursor);
      this.firsts.push(cursor.timeNs);
    }
    lane.setColumn(b.CURSORS, places);
    const heap = memory.ints(this.cursors.length + 1);
    // Sorted is a heap, too.
    const order = this.cursors.map((_, i) => i);
    heap.set(
      order.sort(
        (one, other) => (this.firsts[one] as number) - (this.firsts[other] as number) || one - other,
      ),
    );
    lane.setColumn(b.HEAP, heap);
    lane.setInt(b.HEAP_SIZE, this.cursors.length);
  }

  run(): LaneResult {
    const { lane, lent, cursors, listener } = this;
    for (const cursor of cursors) {
      if (cursor.lost === NOTHING_LOST) continue;
      listener.eventsLost(cursor.cpu, cursor.lost, Number.NEGATIVE_INFINITY, cursor.timeNs);
    }
    lent.give();
    for (let code = lane.code.run(PROGRESS_STEP); code !== b.DONE; code = lane.code.run(PROGRESS_STEP)) {
      this.answer(code);
    }
    lent.takeBack();
    lent.end();
    const events = lane.float(b.EVENTS);
    return {
      events,
      counts: new Map(this.ids.slice(1).map((id, i) => [id, this.counts[i + 1] as number])),
      perCpu: cursors.map((cursor, i) => ({
        cpu: cursor.cpu,
        events: cursor.events,
        firstNs: this.firsts[i] as number,
        lastNs: cursor.lastNs,
        bytes: cursor.bytes,
      })),
      firstNs: events === 0 ? 0 : this.firsts.reduce((least, firstNs) => Math.min(least, firstNs)),
      lastNs: lane.float(b.LAST_TIME),
      ordinary: lane.float(b.QUICK),
    };
  }

  /** Does what the lane asks for. */
  private answer(code: number): void {
    const { lane, lent, listener } = this;
    const cursor = this.cursors[lane.int(b.OUT_CURSOR)] as LaneCursor;
    switch (code) {
      case b.NEED_CHUNK:
        cursor.nextChunk();
        return;
      case b.ODD_SUB_BUFFER:
        cursor.readOdd();
        return;
      case b.NEW_KIND:
        this.addKind(lane.int(b.OUT_KIND));
        return;
      case b.PAUSE:
        listener.progress?.(
          this.cursors.reduce((sum, { reader }) => sum + reader.consumed, 0),
          this.total,
        );
        return;
    }
    lent.takeBack();
    if (code === b.LOST) {
      listener.eventsLost(cursor.cpu, cursor.lost, lane.float(b.LAST_TIME), cursor.timeNs);
    } else {
      this.setEvent(cursor);
      if (code === b.EVENT) this.handle(lane.int(b.OUT_KIND));
      else this.learn(code);
    }
    lent.give();
  }

  /** Gives a number to what the lane has met first, or has not met for long. */
  private learn(code: number): void {
    const { lane, event } = this;
    const { shadow, binder, names } = this.parties;
    switch (code) {
      case b.NEW_THREAD:
        binder.calls.open.of(event.context);
        shadow.recent.of(event.context);
        return;
      case b.NEW_DOMAIN:
        names.domains.id(lane.address(b.OUT_HIGH), lane.address(b.OUT_LOW));
        return;
      case b.NEW_STACK:
        binder.stamp(event);
        return;
      case b.NEW_GIB: {
        const [domain, gib] = [lane.int(b.OUT_HIGH), lane.int(b.OUT_LOW)];
        lane.code.setGib(domain, gib, shadow.tables.slotOfGib(domain, gib));
        return;
      }
      case b.NEW_DEVICE: {
        const [text, length] = [lane.address(b.OUT_HIGH), lane.int(b.OUT_LOW)];
        const view = new DataView(lane.memory.memory.buffer, text, length);
        if (lane.code.learnDevice(text, length, names.deviceBytes.id(view, 0, length)) !== 0) return;
        // No name that the lane can tell from others: the kind is the host's from now on.
        this.setRecipe(lane.int(b.OUT_KIND), undefined);
        return;
      }
      default:
        throw new Error(`the lane asks for ${code}`);
    }
  }

  private handle(kind: number): void {
    const handler = this.handlers[kind] as EventHandler;
    handler(this.event);
    // The first event of a kind has been told: what it says of the trace is noted, and the next may be ordinary.
    const { recipe } = handler;
    if (recipe !== undefined && recipe !== this.known[kind]) this.setRecipe(kind, recipe);
  }

  private setRecipe(kind: number, recipe: EventHandler['recipe']): void {
    const { calls } = this.parties.binder;
    if (recipe?.what === 'map entry' && !calls.tellsMapOutcome) return;
    if (recipe?.what === 'unmap entry' && !calls.tellsUnmapOutcome) return;
    const words = recipe && wordsOfRecipe(recipe);
    this.known[kind] = recipe;
    const first = kind * b.RECIPE_WORDS;
    if (words) this.recipes.set(words, first);
    else this.recipes[first + b.R_WHAT] = b.TO_HOST;
  }

  private addKind(id: number): void {
    const kind = this.ids.push(id) - 1;
    const handler = this.listener.handlerFor(id);
    this.handlers.push(handler);
    this.known.push(undefined);
    if (kind === this.counts.length) this.growKinds();
    this.kinds[id] = kind;
    this.recipes[kind * b.RECIPE_WORDS + b.R_WHAT] = handler === undefined ? b.COUNT_ONLY : b.TO_HOST;
  }

  private growKinds(): void {
    const { memory } = this.lane;
    const { recipes, counts } = this;
    this.recipes = memory.ints(recipes.length * 2);
    this.recipes.set(recipes);
    this.counts = memory.floats(counts.length * 2);
    this.counts.set(counts);
    this.tellKinds();
  }

  private tellKinds(): void {
    this.lane.setColumn(b.RECIPES, this.recipes);
    this.lane.setColumn(b.COUNTS, this.counts);
  }

  private tellFields(trace: TraceDat, formatOf: (name: string) => EventFormat | undefined): void {
    const { lane } = this;
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

  /** Takes the event that the lane has in hand. */
  private setEvent(cursor: LaneCursor): void {
    const { lane, event } = this;
    const chunkAt = lane.address(b.OUT_CHUNK);
    const chunk = cursor.chunkAt(chunkAt);
    event.view = chunk.view;
    event.words = chunk.words;
    event.cpu = cursor.cpu;
    event.payload = lane.address(b.OUT_PAYLOAD) - chunkAt;
    event.payloadSize = lane.int(b.OUT_SIZE);
    event.timeNs = lane.float(b.OUT_TIME);
    event.flags = lane.int(b.OUT_FLAGS);
    event.pid = lane.int(b.OUT_PID);
    event.context = lane.int(b.OUT_CONTEXT);
    event.position = lane.float(b.OUT_POSITION);
    event.stack = 0;
    event.stackBytes = lane.int(b.OUT_STACK_BYTES);
    if (event.stackBytes === 0) return;
    const stackChunkAt = lane.address(b.OUT_STACK_CHUNK);
    event.stackWords = cursor.chunkAt(stackChunkAt).words;
    event.stackAt = lane.address(b.OUT_STACK) - stackChunkAt;
  }
}
