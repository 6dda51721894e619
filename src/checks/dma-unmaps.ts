import { DMA_ATTRS_THAT_MUST_MATCH, type DmaKind } from '../kernel/dma.ts';
import type { ScatterList } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import type { Shadow } from '../shadow/shadow.ts';
import { judgeUnknownUnmap, type UnknownUnmap } from './dma-unknown-unmap.ts';

/** An unmap call of the DMA API. */
export interface DmaUnmapCall {
  readonly kind: DmaKind;
  readonly device: number;
  readonly address: number;
  readonly size: number;
  readonly direction: number;
  readonly attrs: number;
  /** Entries of the scatterlist; 0 for other kinds. */
  readonly nents: number;
  /** The live mapping that it undoes, see `DmaEntries`; 0 where none is known. */
  readonly entry: number;
}

/**
 * Looks at each unmap call of the DMA API once, for all rules of that family: nearly every call undoes its mapping
 * just as it was made, and concerns none of them.
 */
export class DmaUnmaps {
  private readonly shadow: Shadow;
  private readonly differing: ((at: Moment, call: DmaUnmapCall) => void)[] = [];
  private readonly unknown: ((at: Moment, call: DmaUnmapCall, unknown: UnknownUnmap) => void)[] = [];

  constructor(shadow: Shadow) {
    this.shadow = shadow;
  }

  /** Asks to be told of calls that undo a mapping otherwise than it was made. */
  onDiffering(listener: (at: Moment, call: DmaUnmapCall) => void): void {
    this.differing.push(listener);
  }

  /** Asks to be told of calls for which there is no mapping, though there should be. */
  onUnknown(listener: (at: Moment, call: DmaUnmapCall, unknown: UnknownUnmap) => void): void {
    this.unknown.push(listener);
  }

  wantsOrdinary(): number {
    return 0;
  }

  dmaUnmap(
    at: Moment,
    kind: DmaKind,
    device: number,
    address: number,
    size: number,
    direction: number,
    attrs: number,
  ): void {
    const { shadow } = this;
    const entry = shadow.dma.find(device, address, size, kind, direction);
    if (entry === 0) {
      const unknown = judgeUnknownUnmap(shadow, at, kind, device, address, size);
      if (!unknown) return;
      const call = { kind, device, address, size, direction, attrs, nents: 0, entry };
      for (const listener of this.unknown) listener(at, call, unknown);
    } else if (
      shadow.dma.size[entry] !== size ||
      shadow.dma.kindOf(entry) !== kind ||
      this.differs(entry, direction, attrs)
    ) {
      const call = { kind, device, address, size, direction, attrs, nents: 0, entry };
      for (const listener of this.differing) listener(at, call);
    }
  }

  dmaUnmapSg(at: Moment, device: number, list: ScatterList, direction: number, attrs: number): void {
    const { dma } = this.shadow;
    const entry = this.shadow.listOf(device, list, direction);
    if (entry === 0) return;
    if (dma.nents[entry] === list.fullNents && !this.differs(entry, direction, attrs)) return;
    const call: DmaUnmapCall = {
      kind: 'sg',
      device,
      address: dma.address[entry] as number,
      size: dma.size[entry] as number,
      direction,
      attrs,
      nents: list.fullNents,
      entry,
    };
    for (const listener of this.differing) listener(at, call);
  }

  private differs(entry: number, direction: number, attrs: number): boolean {
    const { dma } = this.shadow;
    return (
      dma.direction[entry] !== direction ||
      (((dma.attrs[entry] as number) ^ attrs) & DMA_ATTRS_THAT_MUST_MATCH) !== 0
    );
  }
}
