import type { Moment } from '../kernel/moment.ts';
import { OWN_MEMORY, type Store } from '../kernel/store.ts';
import { copyMoment, grownInts, INITIAL_RECORDS, MomentColumns, readMoment } from './columns.ts';
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
 * Float64 and 32-bit words of a row: IOVA page, frame, pages, the moment that the mapping was made at as in
 * {@link MomentColumns}, and four words.
 */
const WIDES = 9;
const WORDS = 18;
const IOVA_PAGE = 0;
const FRAME = 1;
const PAGES = 2;
const MADE = 3;
const DOMAIN = 14;
const DEVICE = 15;
const PROT = 16;
const END = 17;

/**
 * The last mappings that were unmapped, in a ring of rows: written at each unmap, read when the IOMMU reports a fault,
 * which is rare. When and by whom is kept once for all that an unmap has ended.
 */
export class FormerMappings {
  /** Replaced when there are too few rows. */
  words: Int32Array = new Int32Array(INITIAL_RECORDS * WORDS);
  /** The same memory. */
  wides: Float64Array = new Float64Array(this.words.buffer);
  /** Parts ever noted. */
  noted = 0;
  /** Moments of unmaps, in a ring of as many as there are rows, and how many there ever were. */
  readonly ends = new MomentColumns();
  ended = 0;
  private readonly believed: Believed;
  private store = OWN_MEMORY;

  constructor(believed: Believed) {
    this.believed = believed;
  }

  /** Rows in the ring. */
  get capacity(): number {
    return this.words.length / WORDS;
  }

  /** Pages of a mapping are gone, see `ShadowChanges.mappingCut`; its record can still be read. */
  note(at: Readonly<Moment>, id: number, iovaPage: number, pages: number): void {
    this.reserve(1);
    const mask = this.capacity - 1;
    this.write(this.noted++ & mask, id, iovaPage, pages, this.end(at));
  }

  /** {@link note} of many. */
  noteRuns(at: Readonly<Moment>, runs: IovaRuns): void {
    if (runs.count === 0) return;
    this.reserve(runs.count);
    const mask = this.capacity - 1;
    const end = this.end(at);
    for (let i = 0; i < runs.count; i++) {
      const { id, page, pages } = runs;
      this.write(this.noted++ & mask, id[i] as number, page[i] as number, pages[i] as number, end);
    }
  }

  /** Parts that will be overwritten before anybody asks for them: they count, and are not written. */
  skip(parts: number): void {
    if (parts === 0) return;
    this.reserve(parts);
    this.noted += parts;
  }

  /** The latest that covered an IOVA page and whose device `accepts`; `undefined` where none is remembered. */
  latest(iovaPage: number, accepts: (device: number) => boolean): FormerMapping | undefined {
    const { capacity, wides, words } = this;
    for (let sequence = this.noted - 1; sequence >= Math.max(0, this.noted - capacity); sequence--) {
      const slot = sequence % capacity;
      const first = wides[slot * WIDES + IOVA_PAGE] as number;
      if (iovaPage < first || iovaPage >= first + (wides[slot * WIDES + PAGES] as number)) continue;
      if (accepts(words[slot * WORDS + DEVICE] as number)) return this.get(sequence);
    }
    return undefined;
  }

  /** The part that was noted as the `sequence`th, if it is remembered. */
  get(sequence: number): FormerMapping | undefined {
    const { capacity, wides, words } = this;
    if (sequence >= this.noted || sequence < this.noted - capacity) return undefined;
    const slot = sequence % capacity;
    const [wide, word] = [slot * WIDES, slot * WORDS];
    return {
      sequence,
      domain: words[word + DOMAIN] as number,
      device: words[word + DEVICE] as number,
      iovaPage: wides[wide + IOVA_PAGE] as number,
      frame: wides[wide + FRAME] as number,
      pages: wides[wide + PAGES] as number,
      prot: words[word + PROT] as number,
      made: readMoment(wides, words, wide + MADE),
      ended: this.ends.get(words[word + END] as number),
    };
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.grow(this.capacity);
    this.ends.moveTo(store);
  }

  private write(slot: number, id: number, iovaPage: number, pages: number, end: number): void {
    const { wides, words, believed } = this;
    const { mappings } = believed;
    const wide = slot * WIDES;
    const word = slot * WORDS;
    wides[wide + IOVA_PAGE] = iovaPage;
    wides[wide + FRAME] = mappings.frameAt(id, iovaPage);
    wides[wide + PAGES] = pages;
    copyMoment(wides, words, wide + MADE, mappings.moments, id);
    words[word + DOMAIN] = mappings.domain[id] as number;
    words[word + DEVICE] = (mappings.device[id] as number) || believed.deviceOf(id);
    words[word + PROT] = mappings.prot[id] as number;
    words[word + END] = end;
  }

  /** Keeps when something was unmapped; returns where. */
  private end(at: Readonly<Moment>): number {
    const end = this.ended++ & (this.capacity - 1);
    this.ends.set(end, at);
    return end;
  }

  private reserve(parts: number): void {
    let size = this.capacity;
    while (size < REMEMBERED && size < this.noted + parts) size *= 2;
    if (size === this.capacity) return;
    this.grow(size);
    this.ends.grow(size);
  }

  private grow(size: number): void {
    this.words = grownInts(this.words, size * WORDS, this.store);
    this.wides = new Float64Array(this.words.buffer, this.words.byteOffset, size * WIDES);
  }
}
