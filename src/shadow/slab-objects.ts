import { copyMoment, type Moment } from '../kernel/moment.ts';
import { frameOf } from '../kernel/units.ts';

/** A live object of the slab allocator. */
export interface SlabObject {
  readonly phys: number;
  readonly size: number;
  readonly callSite: number;
  readonly at: Moment;
}

/** The live objects of the slab allocator, by the frames that they lie in. Only kept where a rule asks for it. */
export class SlabObjects {
  private readonly byFrame = new Map<number, Map<number, SlabObject>>();

  add(at: Readonly<Moment>, phys: number, size: number, callSite: number): SlabObject {
    const object: SlabObject = { phys, size, callSite, at: copyMoment(at) };
    for (let frame = frameOf(phys); frame <= frameOf(phys + Math.max(1, size) - 1); frame++) {
      const objects = this.byFrame.get(frame) ?? new Map<number, SlabObject>();
      this.byFrame.set(frame, objects.set(phys, object));
    }
    return object;
  }

  remove(phys: number): void {
    const object = this.byFrame.get(frameOf(phys))?.get(phys);
    if (!object) return;
    for (let frame = frameOf(phys); frame <= frameOf(phys + Math.max(1, object.size) - 1); frame++) {
      const objects = this.byFrame.get(frame);
      objects?.delete(phys);
      if (objects?.size === 0) this.byFrame.delete(frame);
    }
  }

  /** Pages went back to the allocator: there are no objects in them any more, also where their free was not seen. */
  pagesGone(frame: number, frames: number): void {
    if (this.byFrame.size === 0) return;
    for (let i = frame; i < frame + frames; i++) this.byFrame.delete(i);
  }

  /** The objects that lie in a range of frames, ends included. */
  inFrames(first: number, last: number): SlabObject[] {
    const found = new Set<SlabObject>();
    for (let frame = first; frame <= last; frame++) {
      for (const object of this.byFrame.get(frame)?.values() ?? []) found.add(object);
    }
    return [...found];
  }
}
