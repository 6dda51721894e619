import { REMEMBERED } from '../shadow/former-mappings.ts';
import type { PageRefs } from '../shadow/page-refs.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { Binder } from '../trace/bindings/binder.ts';
import type { TraceNames } from '../trace/names/trace-names.ts';
import * as b from './assembly/board.ts';
import type { Lane } from './lane.ts';

/** Rows for devices and domains that there are at first. */
const INITIAL_IDS = 64;

/**
 * The tables of a check, lent to the lane: their columns lie in its memory for good, and what they keep in fields is left
 * on the board whenever the lane goes on, and taken back when it stops.
 */
export class Lent {
  private readonly lane: Lane;
  private readonly shadow: Shadow;
  private readonly refs: PageRefs;
  private readonly binder: Binder;
  private readonly names: TraceNames;
  /** Which kinds of ordinary events the checks want to see, see `checks/ordinary.ts`. */
  private readonly wanted: () => number;
  /** `LaneMemory.given` when the addresses of the columns were told last. */
  private told = -1;
  private readonly changedGibs: Int32Array;
  private devices: Int32Array;
  private soleDevices: Int32Array;
  private deviceChanges = -1;
  private domainChanges = -1;

  constructor(
    lane: Lane,
    shadow: Shadow,
    refs: PageRefs,
    binder: Binder,
    names: TraceNames,
    wanted: () => number,
  ) {
    this.lane = lane;
    this.shadow = shadow;
    this.refs = refs;
    this.binder = binder;
    this.names = names;
    this.wanted = wanted;
    const { memory } = lane;
    for (const table of [
      shadow.mappings,
      shadow.tables,
      shadow.pages,
      shadow.dma,
      shadow.kinds,
      shadow.former,
      shadow.recent,
      refs,
      binder.calls.open,
      names.domains,
      names.stacks,
    ]) {
      table.moveTo(memory);
    }
    this.devices = memory.ints(INITIAL_IDS * 2);
    this.soleDevices = memory.ints(INITIAL_IDS);
    this.changedGibs = memory.ints(b.MOST_CHANGED_GIBS * b.CHANGED_GIB_WORDS);
    lane.setColumn(b.CHANGED_GIBS, this.changedGibs);
    lane.setColumn(b.GIBS, memory.ints(b.GIB_ENTRIES * 4));
    lane.setColumn(b.DEVICE_NAMES, memory.ints((b.DEVICE_NAME_ENTRIES * b.DEVICE_NAME_BYTES) / 4));
    shadow.tables.onSlot = (domain, gib, slot) => {
      if (gib < 2 ** 31) lane.code.setGib(domain, gib, slot);
    };
  }

  /** The lane goes on. */
  give(): void {
    const { lane, shadow, refs, binder } = this;
    const { mappings, tables, pages, dma, kinds, former } = shadow;
    if (this.told !== lane.memory.given) this.tellColumns();
    lane.setInt(b.IOVA_FIRST_FREE, tables.firstFree);
    lane.setInt(b.IOVA_FREE, tables.free);
    lane.setInt(b.REF_FIRST_FREE, refs.firstFree);
    lane.setInt(b.REF_FREE, refs.free);
    lane.setInt(b.MAP_END, mappings.end);
    lane.setFloat(b.MAP_MADE, mappings.made);
    lane.setFloat(b.MAP_LIVE, mappings.live);
    lane.setFloat(b.MAP_LIVE_BYTES, mappings.liveBytes);
    lane.setInt(b.MAP_WATCHED_LIVE, mappings.watchedLive);
    lane.setInt(b.COUNTS_ALL, Number(shadow.countsAll));
    lane.setInt(b.PAGE_LINES_USED, pages.lines.used);
    lane.setInt(b.PAGE_ORDERS, pages.orders);
    lane.setFloat(b.PAGES_ALLOCATED, shadow.pagesAllocated);
    lane.setFloat(b.PAGES_FREED, shadow.pagesFreed);
    lane.setInt(b.KIND_MAPS, kinds.maps);
    lane.setInt(b.KIND_PERIOD, kinds.period);
    lane.setFloat(b.FORMER_NOTED, former.noted);
    lane.setFloat(b.FORMER_ENDED, former.ended);
    lane.setInt(b.DMA_END, dma.end);
    lane.setFloat(b.DMA_FORMER_COUNT, dma.formerCount);
    lane.setInt(b.NAMES_DOMAINS, Number(shadow.namesDomains));
    lane.setFloat(b.LOST_UNTIL, shadow.lostUntilNs);
    lane.setFloat(b.NEXT_LOSS_END, binder.calls.losses.firstEndNs);
    lane.setInt(b.LOSSES_CLOSED, binder.calls.losses.closed);
    lane.setFloat(b.MISSED_MAPS, 0);
    lane.setFloat(b.MISSED_UNMAPS, 0);
    lane.setInt(b.LOUD, this.loud());
    this.tellDevices();
    this.tellDomains();
  }

  /** The lane has stopped. */
  takeBack(): void {
    const { lane, shadow, refs, binder } = this;
    const { mappings, tables, pages, dma, kinds, former } = shadow;
    tables.firstFree = lane.int(b.IOVA_FIRST_FREE);
    tables.free = lane.int(b.IOVA_FREE);
    this.takeGibs();
    refs.firstFree = lane.int(b.REF_FIRST_FREE);
    refs.free = lane.int(b.REF_FREE);
    mappings.end = lane.int(b.MAP_END);
    mappings.made = lane.float(b.MAP_MADE);
    mappings.live = lane.float(b.MAP_LIVE);
    mappings.liveBytes = lane.float(b.MAP_LIVE_BYTES);
    pages.lines.used = lane.int(b.PAGE_LINES_USED);
    pages.orders = lane.int(b.PAGE_ORDERS);
    shadow.pagesAllocated = lane.float(b.PAGES_ALLOCATED);
    shadow.pagesFreed = lane.float(b.PAGES_FREED);
    kinds.maps = lane.int(b.KIND_MAPS);
    former.noted = lane.float(b.FORMER_NOTED);
    former.ended = lane.float(b.FORMER_ENDED);
    dma.end = lane.int(b.DMA_END);
    dma.formerCount = lane.float(b.DMA_FORMER_COUNT);
    dma.forgetAnswers();
    binder.calls.missed.missingKnown('map', lane.float(b.MISSED_MAPS));
    binder.calls.missed.missingKnown('unmap', lane.float(b.MISSED_UNMAPS));
  }

  /** GiBs of the IOVA table with another slot; and those that nothing is below any more lose theirs. */
  private takeGibs(): void {
    const { lane, changedGibs } = this;
    const { tables } = this.shadow;
    const end = lane.int(b.CHANGED_GIB_COUNT) * b.CHANGED_GIB_WORDS;
    for (let i = 0; i < end; i += b.CHANGED_GIB_WORDS) {
      tables.adopt(changedGibs[i] as number, changedGibs[i + 1] as number, changedGibs[i + 2] as number);
    }
    for (let i = 0; i < end; i += b.CHANGED_GIB_WORDS) {
      tables.releaseEmpty(changedGibs[i] as number, changedGibs[i + 1] as number);
    }
    lane.setInt(b.CHANGED_GIB_COUNT, 0);
  }

  /** The checks are done with the tables while events came: nobody is told of slots any more. */
  end(): void {
    this.shadow.tables.onSlot = undefined;
  }

  private loud(): number {
    const { shadow, binder } = this;
    let loud = this.wanted();
    if (shadow.kernelTables.size > 0) loud |= b.LOUD_ALLOC | b.LOUD_FREE;
    if (binder.context.addresses.isLearning) loud |= b.LOUD_ALLOC;
    return loud;
  }

  private tellColumns(): void {
    const { lane, shadow, refs, binder, names } = this;
    const { mappings, tables, pages, dma, kinds, former, recent } = shadow;
    const { open } = binder.calls;
    mappings.free.reserve(mappings.domain.length);
    dma.free.reserve(dma.device.length);
    const columns: readonly (readonly [number, Int32Array | Float64Array])[] = [
      [b.DOMAIN_SLOTS, names.domains.slots],
      [b.DOMAIN_HIGHS, names.domains.highs],
      [b.DOMAIN_LOWS, names.domains.lows],
      [b.STACK_SLOTS, names.stacks.slots],
      [b.STACK_WORDS, names.stacks.words],
      [b.STACK_STARTS, names.stacks.starts],
      [b.STACK_LENGTHS, names.stacks.lengths],
      [b.CALL_CONTEXTS, open.recentContexts],
      [b.CALL_ROWS, open.recentRows],
      [b.CALLS, open.rows.wides],
      [b.RECENT_CONTEXTS, recent.recentContexts],
      [b.RECENT_ROWS, recent.recentRows],
      [b.RECENTS, recent.rows.wides],
      [b.IOVA_SLOTS, tables.slots],
      [b.IOVA_NON_ZERO, tables.nonZero],
      [b.REF_NEAR, refs.near],
      [b.REF_SLOTS, refs.slots],
      [b.REF_NON_ZERO, refs.nonZero],
      [b.REF_PENDING, refs.pending],
      [b.REF_TOTAL, refs.total],
      [b.MAP_DOMAIN, mappings.domain],
      [b.MAP_IOVA_PAGE, mappings.iovaPage],
      [b.MAP_FRAME, mappings.frame],
      [b.MAP_PAGES, mappings.pages],
      [b.MAP_LEFT, mappings.left],
      [b.MAP_DEVICE, mappings.device],
      [b.MAP_GENERATION, mappings.generation],
      [b.MAP_PROT, mappings.prot],
      [b.MAP_MOMENTS, mappings.moments.words],
      [b.MAP_WATCHED, mappings.watched],
      [b.MAP_FREE, mappings.free.words],
      [b.PAGE_LINES, pages.lines.words],
      [b.KIND_MADE, kinds.made],
      [b.KIND_ENDED, kinds.ended],
      [b.KIND_LONGEST, kinds.longestNs],
      [b.KIND_OVERTAKEN, kinds.overtakenNs],
      [b.KIND_LOW, kinds.low],
      [b.FORMER, former.words],
      [b.FORMER_ENDS, former.ends.words],
      [b.DMA_DEVICE, dma.device],
      [b.DMA_ADDRESS, dma.address],
      [b.DMA_SIZE, dma.size],
      [b.DMA_DIRECTION, dma.direction],
      [b.DMA_ATTRS, dma.attrs],
      [b.DMA_PHYS, dma.phys],
      [b.DMA_NENTS, dma.nents],
      [b.DMA_GENERATION, dma.generation],
      [b.DMA_KIND, dma.kind],
      [b.DMA_FORMER, dma.former],
      [b.DMA_NEXT, dma.next],
      [b.DMA_LIST, dma.list],
      [b.DMA_NEXT_SEGMENT, dma.nextSegment],
      [b.DMA_NEXT_LIST, dma.nextList],
      [b.DMA_MADE, dma.madeMoments.words],
      [b.DMA_UNDONE, dma.undoneMoments.words],
      [b.DMA_FREE, dma.free.words],
      [b.DMA_BUCKETS, dma.buckets],
      [b.DMA_RING, dma.formerRing],
      [b.DMA_LARGEST, dma.largest],
    ];
    for (const [slot, column] of columns) lane.setColumn(slot, column);
    lane.setInt(b.DOMAIN_MASK, names.domains.slots.length - 1);
    lane.setInt(b.STACK_MASK, names.stacks.slots.length - 1);
    lane.setInt(b.REF_NEAR_LENGTH, refs.near.length);
    lane.setInt(b.MAP_CAPACITY, mappings.domain.length);
    lane.setInt(b.PAGE_LINES_MASK, pages.lines.wides.length - 1);
    lane.setInt(b.PAGE_LINES_LIMIT, pages.lines.limit);
    lane.setInt(b.KIND_CAPACITY, kinds.made.length);
    lane.setInt(b.FORMER_CAPACITY, former.capacity);
    lane.setInt(b.FORMER_REMEMBERED, REMEMBERED);
    lane.setInt(b.DMA_CAPACITY, dma.device.length);
    lane.setInt(b.DMA_BUCKET_MASK, dma.buckets.length - 1);
    lane.setInt(b.DMA_LARGEST_COUNT, dma.largest.length);
    this.told = lane.memory.given;
  }

  private tellDevices(): void {
    const { devices } = this.shadow;
    if (devices.changes === this.deviceChanges) return;
    this.deviceChanges = devices.changes;
    const count = devices.count;
    if (count * 2 > this.devices.length) this.devices = this.roomFor(this.devices, count * 2);
    for (let id = 0; id < count; id++) {
      const { state, translated, generation } = devices.get(id);
      const ordinary = state === 'bound' || state === 'unseen' ? b.DEVICE_ORDINARY : 0;
      this.devices[id * 2] =
        ordinary | (translated ? b.DEVICE_TRANSLATED : 0) | (state === 'unseen' ? 0 : b.DEVICE_SEEN);
      this.devices[id * 2 + 1] = generation;
    }
    this.lane.setColumn(b.DEVICES, this.devices);
    this.lane.setInt(b.DEVICE_COUNT, count);
  }

  private tellDomains(): void {
    const { domains } = this.shadow;
    if (domains.changes === this.domainChanges) return;
    this.domainChanges = domains.changes;
    const count = domains.count;
    if (count > this.soleDevices.length) this.soleDevices = this.roomFor(this.soleDevices, count);
    for (let id = 0; id < count; id++) this.soleDevices[id] = domains.soleDevice(id);
    this.lane.setColumn(b.SOLE_DEVICES, this.soleDevices);
    this.lane.setInt(b.DOMAIN_COUNT, count);
  }

  private roomFor(column: Int32Array, length: number): Int32Array {
    this.lane.memory.release(column);
    return this.lane.memory.ints(2 ** Math.ceil(Math.log2(length)));
  }
}
