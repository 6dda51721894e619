import { UNKNOWN } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import { grownFloats, grownInts, INITIAL_RECORDS, MomentColumns } from './columns.ts';
import type { Shadow } from './shadow.ts';

/** Entries of the kernel's largest flush queue (`IOVA_SINGLE_FQ_SIZE`, drivers/iommu/dma-iommu.c): older ones are forgotten. */
const MOST = 1 << 15;

/** Unmaps of up to this many frames are found by each of their frames, larger ones one by one. */
const FRAMES_INDEXED = 512;

/**
 * Unmapped ranges of which the IOTLB may still hold translations: between the unmap and the flush. In lazy mode that is
 * up to 10 ms, and the pages are their owner's again meanwhile.
 */
export class Unflushed {
  iovaPage: Float64Array = new Float64Array(INITIAL_RECORDS);
  /** First frame of the physical memory that the range led to, and frames; 0 where the record is not in use. */
  frame: Float64Array = new Float64Array(INITIAL_RECORDS);
  frames: Float64Array = new Float64Array(INITIAL_RECORDS);
  domain: Int32Array = new Int32Array(INITIAL_RECORDS);
  device: Int32Array = new Int32Array(INITIAL_RECORDS);
  /** The next and the previous record of the same domain, -1 for none. */
  private next: Int32Array = new Int32Array(INITIAL_RECORDS);
  private previous: Int32Array = new Int32Array(INITIAL_RECORDS);
  private readonly moments = new MomentColumns();
  private readonly newest = new Map<number, number>();
  private readonly byFrame = new Map<number, number>();
  private readonly large = new Set<number>();
  private added = 0;
  /** Ranges that wait for a flush. */
  size = 0;

  private readonly shadow: Shadow;

  constructor(shadow: Shadow) {
    this.shadow = shadow;
  }

  /** A part of a mapping was unmapped, see `ShadowChanges.mappingCut`. The oldest record may be forgotten for it. */
  add(at: Readonly<Moment>, id: number, iovaPage: number, pages: number): number {
    if (this.added === this.domain.length && this.added < MOST) this.grow();
    const record = this.added++ % this.domain.length;
    if (this.frames[record] !== 0) this.remove(record);
    const { mappings } = this.shadow;
    const domain = mappings.domain[id] as number;
    this.domain[record] = domain;
    this.device[record] = this.shadow.deviceOf(id);
    this.iovaPage[record] = iovaPage;
    this.frame[record] = mappings.frameAt(id, iovaPage);
    this.frames[record] = pages;
    this.moments.set(record, at);
    const before = this.newest.get(domain) ?? -1;
    this.next[record] = before;
    this.previous[record] = -1;
    if (before >= 0) this.previous[before] = record;
    this.newest.set(domain, record);
    const first = this.frame[record] as number;
    if (pages > FRAMES_INDEXED) this.large.add(record);
    else for (let frame = first; frame < first + pages; frame++) this.byFrame.set(frame, record);
    this.size++;
    return record;
  }

  unmappedAt(record: number): Moment {
    return this.moments.get(record);
  }

  /** Calls `visit` for each record that led to one of these frames, once or more often. */
  forEachMeeting(frame: number, frames: number, visit: (record: number) => void): void {
    if (frames <= this.byFrame.size) {
      for (let i = frame; i < frame + frames; i++) {
        const record = this.byFrame.get(i);
        if (record !== undefined) visit(record);
      }
    } else {
      for (const [i, record] of this.byFrame) if (i >= frame && i < frame + frames) visit(record);
    }
    for (const record of this.large) {
      const first = this.frame[record] as number;
      if (first < frame + frames && frame < first + (this.frames[record] as number)) visit(record);
    }
  }

  /**
   * A range of a domain, {@link UNKNOWN} for all, was flushed. Records that it meets are gone, each after `visit`: a
   * driver may flush a range in parts, of which not all are seen.
   */
  flush(domain: number, iovaPage: number, pages: number, visit: (record: number) => void): void {
    if (domain !== UNKNOWN) this.flushDomain(domain, iovaPage, pages, visit);
    else for (const any of [...this.newest.keys()]) this.flushDomain(any, iovaPage, pages, visit);
  }

  private flushDomain(
    domain: number,
    iovaPage: number,
    pages: number,
    visit: (record: number) => void,
  ): void {
    for (let record = this.newest.get(domain) ?? -1; record >= 0; ) {
      const older = this.next[record] as number;
      const first = this.iovaPage[record] as number;
      if (first < iovaPage + pages && iovaPage < first + (this.frames[record] as number)) {
        visit(record);
        this.remove(record);
      }
      record = older;
    }
  }

  private remove(record: number): void {
    const next = this.next[record] as number;
    const previous = this.previous[record] as number;
    if (next >= 0) this.previous[next] = previous;
    if (previous >= 0) this.next[previous] = next;
    else if (next >= 0) this.newest.set(this.domain[record] as number, next);
    else this.newest.delete(this.domain[record] as number);
    const first = this.frame[record] as number;
    const frames = this.frames[record] as number;
    if (!this.large.delete(record)) {
      for (let frame = first; frame < first + frames; frame++) {
        if (this.byFrame.get(frame) === record) this.byFrame.delete(frame);
      }
    }
    this.frames[record] = 0;
    this.size--;
  }

  private grow(): void {
    const size = this.domain.length * 2;
    this.iovaPage = grownFloats(this.iovaPage, size);
    this.frame = grownFloats(this.frame, size);
    this.frames = grownFloats(this.frames, size);
    this.domain = grownInts(this.domain, size);
    this.device = grownInts(this.device, size);
    this.next = grownInts(this.next, size);
    this.previous = grownInts(this.previous, size);
    this.moments.grow(size);
  }
}
