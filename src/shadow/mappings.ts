import { UNKNOWN } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import { OWN_MEMORY, type Store } from '../kernel/store.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import { grownFloats, grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';
import { IdStack } from './id-stack.ts';

/**
 * The live mappings, one record per `iommu_map()` call, in columns. A record lives until the last of its pages is
 * unmapped; its id is then given to another mapping.
 */
export class Mappings {
  domain: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** First page of IOVA space, in 4 KiB. */
  iovaPage: Float64Array = new Float64Array(INITIAL_RECORDS);
  /** First frame of physical memory, in 4 KiB. */
  frame: Float64Array = new Float64Array(INITIAL_RECORDS);
  /** Pages that the call mapped, 0 in a free record; and how many of them are still there, which a free one does not tell. */
  pages: Float64Array = new Float64Array(INITIAL_RECORDS);
  left: Float64Array = new Float64Array(INITIAL_RECORDS);
  /** The device that the mapping was made for; {@link UNKNOWN} until an event tells. */
  device: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** Which binding of the device's driver made it, see `Devices.generation`. */
  generation: Int32Array = new Int32Array(INITIAL_RECORDS);
  prot: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** 1 where somebody must be told of each cut, see {@link watch}; 0 for nearly all. */
  watched: Int32Array = new Int32Array(INITIAL_RECORDS);

  readonly moments = new MomentColumns();

  /** Mappings ever made. */
  made = 0;
  /** Mappings that live now, and their bytes. */
  live = 0;
  liveBytes = 0;
  /** Of the live ones, those that are {@link watched}. */
  watchedLive = 0;

  /** Records in use are below this id; 0 is no mapping. */
  end = 1;
  readonly free = new IdStack();
  private store = OWN_MEMORY;

  add(
    at: Readonly<Moment>,
    domain: number,
    iovaPage: number,
    frame: number,
    pages: number,
    prot: number,
  ): number {
    let id = this.free.pop();
    if (id === 0) {
      id = this.end++;
      if (id === this.domain.length) this.grow(id * 2);
    }
    this.domain[id] = domain;
    this.iovaPage[id] = iovaPage;
    this.frame[id] = frame;
    this.pages[id] = pages;
    this.left[id] = pages;
    this.device[id] = UNKNOWN;
    this.generation[id] = 0;
    this.prot[id] = prot;
    this.moments.set(id, at);
    this.made++;
    this.live++;
    this.liveBytes += pages * FRAME_SIZE;
    return id;
  }

  /** Takes `pages` pages away; `true` when none is left and the id is free. */
  cut(id: number, pages: number): boolean {
    const left = (this.left[id] as number) - pages;
    this.left[id] = left;
    this.liveBytes -= pages * FRAME_SIZE;
    return left <= 0;
  }

  /** From now on `ShadowChanges.watchedCut` tells of each cut of the mapping, until it ends. */
  watch(id: number): void {
    if (this.watched[id] === 0) this.watchedLive++;
    this.watched[id] = 1;
  }

  /** Gives the id back. Callers that keep ids were told of the mapping's end before. */
  release(id: number): void {
    this.left[id] = 0;
    this.pages[id] = 0;
    if (this.watched[id] !== 0) {
      this.watched[id] = 0;
      this.watchedLive--;
    }
    this.live--;
    this.free.push(id);
  }

  /** When and by whom the mapping was made. */
  madeAt(id: number): Moment {
    return this.moments.get(id);
  }

  /** The stack that made it, see `Moment.stack`. */
  stackOf(id: number): number {
    return this.moments.stackOf(id);
  }

  timeOf(id: number): number {
    return this.moments.timeOf(id);
  }

  /** Frame that an IOVA page of this mapping translates to. */
  frameAt(id: number, iovaPage: number): number {
    return (this.frame[id] as number) + iovaPage - (this.iovaPage[id] as number);
  }

  /** Calls `visit` for every live mapping whose frames meet the given ones. Looks at every mapping: for findings only. */
  forEachMeeting(frame: number, frames: number, visit: (id: number) => void): void {
    for (let id = 1; id < this.end; id++) {
      const pages = this.pages[id] as number;
      const first = this.frame[id] as number;
      if (pages > 0 && first < frame + frames && frame < first + pages) visit(id);
    }
  }

  /** Calls `visit` for every live mapping. */
  forEach(visit: (id: number) => void): void {
    for (let id = 1; id < this.end; id++) if ((this.pages[id] as number) > 0) visit(id);
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.domain.length);
    this.moments.moveTo(store);
    this.free.moveTo(store);
  }

  private grow(size: number): void {
    const { store } = this;
    this.domain = grownInts(this.domain, size, store);
    this.iovaPage = grownFloats(this.iovaPage, size, store);
    this.frame = grownFloats(this.frame, size, store);
    this.pages = grownFloats(this.pages, size, store);
    this.left = grownFloats(this.left, size, store);
    this.device = grownInts(this.device, size, store);
    this.generation = grownInts(this.generation, size, store);
    this.prot = grownInts(this.prot, size, store);
    this.watched = grownInts(this.watched, size, store);
    this.moments.grow(size);
  }
}
