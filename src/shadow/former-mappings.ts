import type { Moment } from '../kernel/moment.ts';
import { OWN_MEMORY, type Store } from '../kernel/store.ts';
import { grownFloats, grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';
import type { IovaRuns } from './iova-runs.ts';
import type { Mappings } from './mappings.ts';

/** Mappings that are remembered after their end. A device that still uses one does so soon: the IOVA is given out again. */
export const REMEMBERED = 1 << 16;

/** A part of a mapping, and the story of its end. */
export interface FormerMapping {
  /** Counts the parts ever noted: tells this one from all others. */
  readonly sequence: number;
  readonly domain: number;
  readonly device: number;
  readonly iovaPage: number;
  readonly frame: number;
  readonly pages: number;
  readonly prot: number;
  readonly made: Moment;
  readonly ended: Moment;
}

/** What the shadow believes of a mapping while it still has a record. */
interface Believed {
  readonly mappings: Mappings;
  deviceOf(id: number): number;
}

/**
 * The last mappings that were unmapped, in a ring of columns: written at each unmap, read when the IOMMU reports a
 * fault, which is rare.
 */
export class FormerMappings {
  domain: Int32Array = new Int32Array(INITIAL_RECORDS);
  device: Int32Array = new Int32Array(INITIAL_RECORDS);
  iovaPage: Float64Array = new Float64Array(INITIAL_RECORDS);
  frame: Float64Array = new Float64Array(INITIAL_RECORDS);
  pages: Float64Array = new Float64Array(INITIAL_RECORDS);
  prot: Int32Array = new Int32Array(INITIAL_RECORDS);
  readonly made = new MomentColumns();
  readonly ended = new MomentColumns();
  private readonly believed: Believed;
  private store = OWN_MEMORY;
  /** Parts ever noted. */
  noted = 0;

  constructor(believed: Believed) {
    this.believed = believed;
  }

  /** Pages of a mapping are gone, see `ShadowChanges.mappingCut`; its record can still be read. */
  note(at: Readonly<Moment>, id: number, iovaPage: number, pages: number): void {
    if (this.noted === this.domain.length && this.noted < REMEMBERED) this.grow(this.noted * 2);
    const { mappings } = this.believed;
    const slot = this.noted++ & (this.domain.length - 1);
    this.domain[slot] = mappings.domain[id] as number;
    this.device[slot] = this.believed.deviceOf(id);
    this.iovaPage[slot] = iovaPage;
    this.frame[slot] = mappings.frameAt(id, iovaPage);
    this.pages[slot] = pages;
    this.prot[slot] = mappings.prot[id] as number;
    mappings.copyMadeAt(id, this.made, slot);
    this.ended.set(slot, at);
  }

  /** Parts that will be overwritten before anybody asks for them: they count, and are not written. */
  skip(parts: number): void {
    if (parts === 0) return;
    while (this.domain.length < REMEMBERED && this.domain.length < this.noted + parts) {
      this.grow(this.domain.length * 2);
    }
    this.noted += parts;
  }

  /** {@link note} of many. */
  noteRuns(at: Readonly<Moment>, runs: IovaRuns): void {
    while (this.domain.length < REMEMBERED && this.domain.length < this.noted + runs.count) {
      this.grow(this.domain.length * 2);
    }
    const { domain, device, iovaPage, frame, pages, prot, believed } = this;
    const { mappings } = believed;
    const { domain: domains, device: devices, iovaPage: iovas, frame: frames, prot: prots } = mappings;
    const { id: ids, page: firsts, pages: lengths } = runs;
    const mask = domain.length - 1;
    const start = this.noted & mask;
    for (let i = 0, slot = start; i < runs.count; i++, slot = (slot + 1) & mask) {
      const id = ids[i] as number;
      const first = firsts[i] as number;
      domain[slot] = domains[id] as number;
      device[slot] = (devices[id] as number) || believed.deviceOf(id);
      iovaPage[slot] = first;
      frame[slot] = (frames[id] as number) + first - (iovas[id] as number);
      pages[slot] = lengths[i] as number;
      prot[slot] = prots[id] as number;
    }
    this.made.copyMany(start, mask, mappings.moments, ids, runs.count);
    this.ended.setMany(start, mask, runs.count, at);
    this.noted += runs.count;
  }

  /** The latest that covered an IOVA page and whose device `accepts`; `undefined` where none is remembered. */
  latest(iovaPage: number, accepts: (device: number) => boolean): FormerMapping | undefined {
    const size = this.domain.length;
    for (let sequence = this.noted - 1; sequence >= Math.max(0, this.noted - size); sequence--) {
      const slot = sequence % size;
      const first = this.iovaPage[slot] as number;
      if (iovaPage < first || iovaPage >= first + (this.pages[slot] as number)) continue;
      const device = this.device[slot] as number;
      if (!accepts(device)) continue;
      return {
        sequence,
        domain: this.domain[slot] as number,
        device,
        iovaPage: first,
        frame: this.frame[slot] as number,
        pages: this.pages[slot] as number,
        prot: this.prot[slot] as number,
        made: this.made.get(slot),
        ended: this.ended.get(slot),
      };
    }
    return undefined;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.domain.length);
    this.made.moveTo(store);
    this.ended.moveTo(store);
  }

  private grow(size: number): void {
    const { store } = this;
    this.domain = grownInts(this.domain, size, store);
    this.device = grownInts(this.device, size, store);
    this.iovaPage = grownFloats(this.iovaPage, size, store);
    this.frame = grownFloats(this.frame, size, store);
    this.pages = grownFloats(this.pages, size, store);
    this.prot = grownInts(this.prot, size, store);
    this.made.grow(size);
    this.ended.grow(size);
  }
}
