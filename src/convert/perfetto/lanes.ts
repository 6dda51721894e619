import type { Annotations, TrackEvents } from './track-events.ts';

/** What a slice is called, and what is shown beside it. */
export interface SliceText {
  readonly category: string;
  readonly name: string;
  readonly annotations: Annotations;
}

/** The lanes of one domain or device. */
interface Group {
  readonly track: number;
  /** Tracks whose last slice has ended. */
  readonly free: number[];
}

/**
 * Slices that overlap, on as many tracks as there are at a time: those of one Perfetto track must nest. All tracks of a
 * group have the same name, so that the user interface shows them as one.
 */
export class Lanes<Key> {
  private readonly events: TrackEvents;
  private readonly name: string;
  private readonly groups = new Map<string, Group>();
  private readonly open = new Map<Key, { readonly track: number; readonly group: Group }>();

  constructor(events: TrackEvents, name: string) {
    this.events = events;
    this.name = name;
  }

  /** Begins a slice; one with the same key, whose end was not seen, ends here. */
  begin(group: string, groupName: () => string, key: Key, timeNs: number, slice: SliceText): void {
    this.end(key, timeNs);
    const lanes = this.groupOf(group, groupName);
    const track = lanes.free.pop() ?? this.events.track(this.name, lanes.track);
    this.events.begin(track, timeNs, slice.category, slice.name, slice.annotations);
    this.open.set(key, { track, group: lanes });
  }

  end(key: Key, timeNs: number): void {
    const slice = this.open.get(key);
    if (!slice) return;
    this.open.delete(key);
    this.events.end(slice.track, timeNs);
    slice.group.free.push(slice.track);
  }

  private groupOf(group: string, name: () => string): Group {
    let lanes = this.groups.get(group);
    if (!lanes) {
      lanes = { track: this.events.track(name()), free: [] };
      this.groups.set(group, lanes);
    }
    return lanes;
  }
}
