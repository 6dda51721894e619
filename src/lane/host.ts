import type { PageRefs } from '../shadow/page-refs.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { Binder } from '../trace/bindings/binder.ts';
import { type EventHandler, newRawEvent, type RawEvent } from '../trace/events/raw-event.ts';
import type { TraceNames } from '../trace/names/trace-names.ts';
import * as b from './assembly/board.ts';
import type { Chunk } from './cursors.ts';
import { Lane } from './lane.ts';
import { Lent } from './lent.ts';
import { wordsOfRecipe } from './recipes.ts';

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

/** The host of a lane: knows the kinds of events, handles those that are not ordinary, and gives numbers to what is new. */
export class LaneHost {
  readonly lane = new Lane();
  private readonly parties: LaneParties;
  private readonly lent: Lent;
  private readonly handlerFor: (id: number) => EventHandler | undefined;
  private readonly event: RawEvent = newRawEvent(true);
  private readonly kinds: Int32Array;
  private recipes: Int32Array;
  private counts: Float64Array;
  /** Of each kind: its `common_type`, who handles it, and the recipe that the lane has. */
  private readonly ids = [-1];
  private readonly handlers: (EventHandler | undefined)[] = [undefined];
  private readonly known: (EventHandler['recipe'] | undefined)[] = [undefined];

  constructor(parties: LaneParties, handlerFor: (id: number) => EventHandler | undefined) {
    this.parties = parties;
    this.handlerFor = handlerFor;
    const { lane } = this;
    const { shadow, refs, binder, names, wanted } = parties;
    this.lent = new Lent(lane, shadow, refs, binder, names, wanted);
    this.kinds = lane.memory.ints(65_536);
    this.recipes = lane.memory.ints(INITIAL_KINDS * b.RECIPE_WORDS);
    this.counts = lane.memory.floats(INITIAL_KINDS);
    lane.setColumn(b.KINDS, this.kinds);
    this.tellKinds();
  }

  /** The lane goes on. */
  give(): void {
    this.lent.give();
  }

  /** The lane stops for long. */
  takeBack(): void {
    this.lent.takeBack();
  }

  /** The lane is not needed any more. */
  end(): void {
    this.lent.end();
  }

  /** Records of each `common_type`, in the order of their first. */
  countsById(): Map<number, number> {
    return new Map(this.ids.slice(1).map((id, i) => [id, this.counts[i + 1] as number]));
  }

  /** Events that the lane has told by itself. */
  get ordinary(): number {
    return this.lane.float(b.QUICK);
  }

  /**
   * Answers what the lane has stopped for with `code`, EVENT or one of NEW_..., while the lane is stopped.
   *
   * @param chunkAt the chunk that begins at an address
   */
  answer(code: number, cpu: number, chunkAt: (address: number) => Chunk): void {
    const { lane, lent } = this;
    if (code === b.NEW_KIND) {
      this.addKind(lane.int(b.OUT_KIND));
      return;
    }
    lent.takeBack();
    this.setEvent(cpu, chunkAt);
    if (code === b.EVENT) this.handle(lane.int(b.OUT_KIND));
    else this.learn(code);
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
    const handler = this.handlerFor(id);
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

  /** Takes the event that the lane has in hand. */
  private setEvent(cpu: number, chunkOf: (address: number) => Chunk): void {
    const { lane, event } = this;
    const chunkAt = lane.address(b.OUT_CHUNK);
    const chunk = chunkOf(chunkAt);
    event.view = chunk.view;
    event.words = chunk.words;
    event.cpu = cpu;
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
    event.stackWords = chunkOf(stackChunkAt).words;
    event.stackAt = lane.address(b.OUT_STACK) - stackChunkAt;
  }
}
