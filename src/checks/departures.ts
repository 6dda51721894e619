import { copyMoment, type Moment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import type { Shadow } from '../shadow/shadow.ts';
import { isReleasedByDevres } from './devres.ts';
import { isFixedMapping } from './fixed-mapping.ts';

/** A driver has left `device` with these mappings of the DMA API outstanding; `at` is when it left. */
export type LeftListener = (device: number, at: Moment, ids: readonly number[]) => void;

/** Mappings that were outstanding when a driver left. */
interface Outstanding {
  readonly at: Moment;
  readonly ids: Set<number>;
}

/**
 * Finds out what drivers leave behind, for all rules that tell of it. Only mappings of the DMA API count: a domain of a
 * driver's own may be meant to outlive the binding.
 *
 * The unbind begins before devres releases; the verdict waits for its end or, where the source does not show that,
 * for the next probe of the device or the end of the trace.
 */
export class Departures {
  private readonly shadow: Shadow;
  private readonly names: SourceNames;
  private readonly listeners: LeftListener[] = [];
  private readonly pending = new Map<number, Outstanding>();
  /** What an earlier unbind left behind was told then. */
  private readonly told = new Set<number>();

  constructor(shadow: Shadow, names: SourceNames) {
    this.shadow = shadow;
    this.names = names;
  }

  onLeft(listener: LeftListener): void {
    this.listeners.push(listener);
  }

  driverCleanup(at: Moment, device: number): void {
    if (this.listeners.length === 0) return;
    const { shadow } = this;
    const ids = new Set<number>();
    shadow.mappings.forEach(id => {
      if (shadow.deviceOf(id) !== device || shadow.domains.isOwn(shadow.mappings.domain[id] as number))
        return;
      if (isFixedMapping(shadow, id) || this.told.has(id)) return;
      ids.add(id);
      shadow.mappings.watch(id);
    });
    if (ids.size > 0) this.pending.set(device, { at: copyMoment(at), ids });
  }

  driverUnbound(at: Moment, device: number): void {
    if (this.shadow.devices.get(device).state !== 'cleaning') this.driverCleanup(at, device);
    this.settle(device);
  }

  driverProbe(_at: Moment, device: number): void {
    this.settle(device);
  }

  /** See `ShadowChanges.watchedCut`. */
  watchedCut(at: Readonly<Moment>, id: number, _iovaPage: number, _pages: number, gone: boolean): void {
    if (!gone) return;
    for (const [device, { ids }] of this.pending) {
      if (!ids.has(id)) continue;
      // An unmap by anybody but devres comes too late: what was outstanding is told now, before it is gone.
      if (isReleasedByDevres(this.names, this.shadow.devices.get(device), at)) ids.delete(id);
      else this.settle(device);
    }
    this.told.delete(id);
  }

  /** The source is at its end. */
  finish(): void {
    for (const device of this.pending.keys()) this.settle(device);
  }

  private settle(device: number): void {
    const outstanding = this.pending.get(device);
    if (!outstanding) return;
    this.pending.delete(device);
    const ids = [...outstanding.ids];
    if (ids.length === 0) return;
    for (const id of ids) this.told.add(id);
    for (const listener of this.listeners) listener(device, outstanding.at, ids);
  }
}
