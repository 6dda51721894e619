import type { Moment } from '../kernel/moment.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { PageAccounting } from './accounting.ts';
import { MOMENT_STACK, MOMENT_WIDES, MOMENT_WORDS } from './columns.ts';
import { type FormerMappings, REMEMBERED } from './former-mappings.ts';
import { IovaRuns, type RunSink } from './iova-runs.ts';
import type { IovaTable } from './iova-table.ts';
import type { MappingKinds } from './mapping-kinds.ts';
import type { Mappings } from './mappings.ts';
import { RunCounter } from './run-counter.ts';

/** Ranges that are kept back until they are uncounted together, and runs until they are noted together. */
const KEPT_BACK = 512;

const NOWHERE: Readonly<Moment> = { timeNs: 0, cpu: 0, pid: 0, context: 0, stack: 0, position: -1 };

/** What the shadow keeps of mappings. */
export interface Believed {
  readonly mappings: Mappings;
  readonly tables: IovaTable;
  readonly former: FormerMappings;
  readonly kinds: MappingKinds;
  readonly accounting: PageAccounting;
}

/**
 * Takes mappings of which nobody wants to hear out of the tables, the counts and the records, in bulk: a GiB may have
 * been mapped in a million pieces. Nothing differs from ending one after the other but the time that it takes: a node of
 * the tables is gone through once, frames that adjoin are uncounted together, mappings of one kind are counted as ended
 * together, and of more mappings than are remembered only the last ones are noted.
 */
export class Drain implements RunSink {
  private readonly believed: Believed;
  private readonly counter = new RunCounter();
  private at = NOWHERE;
  /** Runs that are not noted as former mappings, because so many come behind them. */
  private unnoted = 0;
  /** Runs that are to be noted. */
  private readonly noted = new IovaRuns();
  /** At most one run, of a part of a mapping: it may go on in the next node. */
  private readonly open = new IovaRuns();
  /** Ranges of frames that are to be uncounted: the first frame, and how many. */
  private readonly starts = new Float64Array(KEPT_BACK);
  private readonly lengths = new Float64Array(KEPT_BACK);
  private ranges = 0;
  /** Slots taken by the call in hand. */
  private found = 0;

  constructor(believed: Believed) {
    this.believed = believed;
  }

  /** Ends all that is in the range. The counts must hold every frame of it: a fault would be told of a wrong page. */
  drain(at: Readonly<Moment>, domain: number, page: number, pages: number): void {
    const { tables } = this.believed;
    this.begin(at);
    if (pages > REMEMBERED) tables.collect(domain, page, pages, this.counter);
    this.unnoted = Math.max(0, this.counter.count - REMEMBERED);
    tables.clear(domain, page, pages, this);
    this.finish();
  }

  /** Ends all that is in the domain, and forgets it. */
  drainDomain(at: Readonly<Moment>, domain: number): void {
    const { tables } = this.believed;
    this.begin(at);
    tables.collectAll(domain, this.counter);
    this.unnoted = Math.max(0, this.counter.count - REMEMBERED);
    tables.dropDomain(domain, this);
    this.finish();
  }

  private begin(at: Readonly<Moment>): void {
    this.at = at;
    this.counter.reset();
  }

  private finish(): void {
    this.endOpen();
    this.note();
    this.uncount();
    this.at = NOWHERE;
  }

  push(page: number, pages: number, id: number): void {
    const { open } = this;
    if (!open.continuesWith(page, id)) this.endOpen();
    open.push(page, pages, id);
  }

  takeSlots(slots: Int32Array, from: number, to: number, page: number, unit: number): number {
    this.found = 0;
    for (let at = from; at < to; ) {
      const id = slots[at] as number;
      if (id !== 0 && !this.open.continuesWith(page + (at - from) * unit, id)) {
        this.endOpen();
        const next = this.endWhole(slots, at, to, page + (at - from) * unit, unit);
        if (next > at) {
          at = next;
          continue;
        }
      }
      const first = at++;
      if (id === 0) continue;
      while (at < to && slots[at] === id) at++;
      this.found += at - first;
      this.push(page + (first - from) * unit, (at - first) * unit, id);
    }
    return this.found;
  }

  /** Ends the mappings whose pages are all here, up to one of which there is a part; returns where it begins. */
  private endWhole(slots: Int32Array, from: number, to: number, page: number, unit: number): number {
    if (this.noted.count >= KEPT_BACK) this.note();
    const { mappings, kinds } = this.believed;
    const { pages: mapped, frame: frames } = mappings;
    const { words, wides } = mappings.moments;
    const { noted } = this;
    noted.reserveMore(to - from);
    const { page: notedPage, pages: notedPages, id: notedId } = noted;
    const free = mappings.free.reserveMore(to - from);
    const before = free[0] as number;
    let freed = before;
    let row = noted.count;
    let { unnoted } = this;
    let all = 0;
    let start = -1;
    let end = -1;
    let kind = -1;
    let ended = 0;
    let oldestNs = 0;
    let youngestNs = 0;
    let at = from;
    while (at < to) {
      const id = slots[at] as number;
      if (id === 0) {
        at++;
        continue;
      }
      let next = at + 1;
      while (next < to && slots[next] === id) next++;
      const pages = (next - at) * unit;
      if (pages !== mapped[id]) break;
      const frame = frames[id] as number;
      if (frame !== end) {
        if (start >= 0) this.uncountLater(start, end - start);
        start = frame;
        end = frame;
      }
      end += pages;
      all += pages;
      mapped[id] = 0;
      free[++freed] = id;
      const stack = words[id * MOMENT_WORDS + MOMENT_STACK] as number;
      const madeNs = wides[id * MOMENT_WIDES] as number;
      if (stack !== kind) {
        if (ended > 0) kinds.endMany(kind, ended, oldestNs, youngestNs, this.at.timeNs);
        kind = stack;
        ended = 0;
        oldestNs = madeNs;
        youngestNs = madeNs;
      }
      ended++;
      if (madeNs < oldestNs) oldestNs = madeNs;
      if (madeNs > youngestNs) youngestNs = madeNs;
      if (unnoted > 0) unnoted--;
      else {
        notedPage[row] = page + (at - from) * unit;
        notedPages[row] = pages;
        notedId[row++] = id;
      }
      at = next;
    }
    if (start >= 0) this.uncountLater(start, end - start);
    if (ended > 0) kinds.endMany(kind, ended, oldestNs, youngestNs, this.at.timeNs);
    free[0] = freed;
    mappings.live -= freed - before;
    mappings.liveBytes -= all * FRAME_SIZE;
    this.believed.former.skip(this.unnoted - unnoted);
    this.unnoted = unnoted;
    noted.count = row;
    this.found += all / unit;
    return at;
  }

  /** Ends the run that did not go on. */
  private endOpen(): void {
    const { open } = this;
    if (open.count === 0) return;
    const id = open.id[0] as number;
    const page = open.page[0] as number;
    const pages = open.pages[0] as number;
    open.reset();
    const { mappings, former, kinds } = this.believed;
    this.uncountLater(mappings.frameAt(id, page), pages);
    if (this.unnoted > 0) {
      this.unnoted--;
      former.skip(1);
    } else {
      this.noted.push(page, pages, id);
    }
    if (!mappings.cut(id, pages)) return;
    kinds.end(mappings.stackOf(id), mappings.timeOf(id), this.at.timeNs);
    mappings.release(id);
  }

  private note(): void {
    this.believed.former.noteRuns(this.at, this.noted);
    this.noted.reset();
  }

  private uncountLater(frame: number, frames: number): void {
    if (this.ranges === KEPT_BACK) this.uncount();
    this.starts[this.ranges] = frame;
    this.lengths[this.ranges++] = frames;
  }

  private uncount(): void {
    this.believed.accounting.removedRanges(this.at, this.starts, this.lengths, this.ranges);
    this.ranges = 0;
  }
}
