import { DMA_BIDIRECTIONAL } from '../../kernel/dma.ts';
import type { Device } from '../device/device.ts';
import { type CoherentBuffer, FROM_DEVICE, type MappedList, TO_DEVICE } from '../dma-api/dma-api.ts';
import { MAPPING_ERROR } from '../dma-api/dma-debug.ts';
import type { Machine } from '../machine.ts';
import { Random } from '../threads/random.ts';

/** What a driver of a random program has mapped with the DMA API. */
interface SingleMapping {
  readonly device: Device;
  readonly address: number;
  readonly size: number;
  readonly direction: number;
  readonly attrs: number;
  readonly phys: number;
  /** Its pages; -1 where it shares those of another. */
  readonly pfn: number;
  /** Mappings of the same memory, which end before this one. */
  readonly sharing: SingleMapping[];
}

interface ListMapping {
  readonly device: Device;
  readonly list: MappedList;
  readonly direction: number;
  readonly pfns: readonly number[];
}

interface Coherent {
  readonly device: Device;
  readonly buffer: CoherentBuffer;
}

/** `DMA_ATTR_PRIVILEGED`: one of the attributes that must be the same at the unmap. */
const PRIVILEGED = 1 << 9;
const PAGE = 4096;
const DIRECTIONS = [DMA_BIDIRECTIONAL, TO_DEVICE, FROM_DEVICE];
const SIZES = [64, 1500, 4096, 6000];

export interface DmaProgramOptions {
  readonly operations: number;
  /** Share of operations that are mistakes; 0 makes a right program. */
  readonly mistakes: number;
}

/**
 * Plays a random program on the DMA API: three devices, of which one has no IOMMU, with drivers that come and go. A right
 * program undoes everything as it was made, and before its driver leaves.
 */
export class DmaPlayer {
  private readonly machine: Machine;
  private readonly random: Random;
  private readonly devices: readonly Device[];
  private singles: SingleMapping[] = [];
  private lists: ListMapping[] = [];
  private coherents: Coherent[] = [];
  /** Undone a short while ago, for whoever undoes twice. */
  private readonly former: SingleMapping[] = [];

  constructor(machine: Machine, seed: number) {
    this.machine = machine;
    this.random = new Random(seed);
    this.devices = ['0000:00:01.0', '0000:00:02.0', '0000:00:03.0'].map(name => machine.device(name));
    for (const [at, device] of this.devices.entries()) {
      if (at < 2) machine.drivers.add(device);
      machine.call(machine.drivers.bind(device, `driver${at}`));
    }
  }

  play({ operations, mistakes }: DmaProgramOptions): void {
    for (let at = 0; at < operations; at++) {
      if (this.random.chance(mistakes)) this.mistake();
      else this.right();
    }
    if (this.random.chance(mistakes)) this.unmapShorterList();
  }

  private right(): void {
    this.random.pick([
      () => this.map(),
      () => this.map(),
      () => this.mapList(),
      () => this.allocCoherent(),
      () => this.unmap(this.takeOne(this.singles)),
      () => this.unmap(this.takeOne(this.singles)),
      () => this.unmapList(this.takeOne(this.lists)),
      () => this.freeCoherent(this.takeOne(this.coherents)),
      () => (this.random.chance(0.3) ? this.cycle(true) : this.sync()),
    ])();
  }

  private mistake(): void {
    this.random.pick([
      () => this.unmap(this.takeOne(this.singles), { size: 100 }),
      () => this.unmap(this.takeOne(this.singles), { otherDirection: true }),
      () => this.unmap(this.takeOne(this.singles), { attrs: PRIVILEGED }),
      () => this.unmapAgain(),
      () => this.unmapList(this.takeOne(this.lists), true),
      () => this.syncFormer(),
      () => this.sync({ beyond: true }),
      () => this.sync({ otherDirection: true }),
      () => this.cycle(false),
      () => this.asAnotherKind(),
      () => this.map(false),
      () => this.mapSameMemory(),
      () => this.unmapFailure(),
    ])();
  }

  /** @param checks a right driver asks `dma_mapping_error()` */
  private map(checks = true): void {
    const { machine, random } = this;
    const device = this.boundDevice();
    if (!device) return;
    const pfn = machine.allocPages(1);
    if (pfn < 0) return;
    this.mapPart(device, pfn * PAGE + random.below(32) * 64, random.pick(DIRECTIONS), pfn, checks);
  }

  private mapPart(
    device: Device,
    phys: number,
    direction: number,
    pfn: number,
    checks: boolean,
  ): SingleMapping | undefined {
    const { machine, random } = this;
    const size = random.pick(SIZES);
    const address = machine.call(
      machine.inside('driver_map[driver]', machine.dma.map(device, phys, size, direction)),
    );
    if (checks) machine.dma.mappingError(device, address);
    if (address === undefined) return undefined;
    const mapping = { device, address, size, direction, attrs: 0, phys, pfn, sharing: [] };
    this.singles.push(mapping);
    return mapping;
  }

  /**
   * A second mapping from the same cache line on. Not for a device without an IOMMU, which would have two mappings at one
   * address: which of them an unmap is for, dma-debug and iommusan decide otherwise.
   */
  private mapSameMemory(): void {
    const { random } = this;
    const device = this.boundDevice();
    const own = this.singles.filter(({ pfn }) => pfn >= 0);
    if (!device?.usesDmaIommu || own.length === 0) return;
    const first = random.pick(own);
    const second = this.mapPart(device, first.phys, random.pick(DIRECTIONS), -1, true);
    if (second) first.sharing.push(second);
  }

  private unmap(
    mapping: SingleMapping | undefined,
    wrong: { readonly size?: number; readonly otherDirection?: boolean; readonly attrs?: number } = {},
  ): void {
    if (!mapping) return;
    const { machine } = this;
    const { device, address, size, attrs, pfn } = mapping;
    for (const other of mapping.sharing) {
      const at = this.singles.indexOf(other);
      if (at >= 0) this.unmap(this.singles.splice(at, 1)[0]);
    }
    const direction = wrong.otherDirection ? this.otherThan(mapping.direction) : mapping.direction;
    const bytes = wrong.size ?? size;
    const how = wrong.attrs ?? attrs;
    machine.call(
      machine.inside('driver_unmap[driver]', machine.dma.unmap(device, address, bytes, direction, how)),
    );
    this.former.push(mapping);
    if (this.former.length > 8) this.former.shift();
    if (pfn >= 0) machine.freePages(pfn, 1);
  }

  private unmapAgain(): void {
    const { machine, random } = this;
    if (this.former.length === 0) return;
    const { device, address, size, direction } = random.pick(this.former);
    if (this.isTaken(device, address)) return;
    machine.call(
      machine.inside('driver_unmap_again[driver]', machine.dma.unmap(device, address, size, direction)),
    );
  }

  /** An unmap of what a map returns that failed, on an error path that was never tried. */
  private unmapFailure(): void {
    const { machine, random } = this;
    const translated = this.singles.filter(({ device }) => device.usesDmaIommu && device.state === 'bound');
    if (translated.length === 0) return;
    const { device, size, direction } = random.pick(translated);
    machine.call(
      machine.inside('driver_error_path[driver]', machine.dma.unmap(device, MAPPING_ERROR, size, direction)),
    );
  }

  private mapList(): void {
    const { machine, random } = this;
    const device = this.boundDevice();
    if (!device) return;
    const count = 1 + random.below(4);
    const pfns = Array.from({ length: count }, () => machine.allocPages()).filter(pfn => pfn >= 0);
    const direction = random.pick(DIRECTIONS);
    const entries = pfns.map(pfn => ({ phys: pfn * PAGE, size: PAGE }));
    if (entries.length === 0) return;
    const list = machine.call(
      machine.inside('driver_map_sg[driver]', machine.dma.mapSg(device, entries, direction)),
    );
    if (list) this.lists.push({ device, list, direction, pfns });
  }

  private unmapList(mapping: ListMapping | undefined, otherDirection = false): void {
    if (!mapping) return;
    const { machine } = this;
    const { device, list, pfns } = mapping;
    const direction = otherDirection ? this.otherThan(mapping.direction) : mapping.direction;
    machine.call(machine.inside('driver_unmap_sg[driver]', machine.dma.unmapSg(device, list, direction)));
    for (const pfn of pfns) machine.freePages(pfn);
  }

  /**
   * Entries that an unmap is not told of stay mapped, and in dma-debug's table, where each could be mistaken for a later
   * mapping at its address: nothing may come after it.
   */
  private unmapShorterList(): void {
    const long = this.lists.filter(({ list }) => list.entries.length > 1);
    if (long.length === 0) return;
    const mapping = this.random.pick(long);
    this.lists.splice(this.lists.indexOf(mapping), 1);
    const { entries, segments } = mapping.list;
    const kept = entries.length - 1;
    this.unmapList({
      ...mapping,
      list: { entries: entries.slice(0, kept), segments: segments.slice(0, kept) },
    });
  }

  private allocCoherent(): void {
    const { machine, random } = this;
    const device = this.boundDevice();
    if (!device) return;
    const size = PAGE * (1 + random.below(3));
    const buffer = machine.call(
      machine.inside(
        'driver_ring[driver]',
        machine.dma.allocCoherent(device, size, machine.ownerId('driver')),
      ),
    );
    if (buffer) this.coherents.push({ device, buffer });
  }

  private freeCoherent(coherent: Coherent | undefined): void {
    if (!coherent) return;
    const { machine } = this;
    machine.call(
      machine.inside('driver_free_ring[driver]', machine.dma.freeCoherent(coherent.device, coherent.buffer)),
    );
  }

  /** Coherent memory that is undone as if it had been mapped as a page. */
  private asAnotherKind(): void {
    const { machine } = this;
    const coherent = this.takeOne(this.coherents);
    if (!coherent) return;
    const { address, size, pfn, order } = coherent.buffer;
    machine.call(
      machine.inside('driver_unmap_ring[driver]', machine.dma.unmap(coherent.device, address, size)),
    );
    machine.freePages(pfn, order);
  }

  private sync(wrong: { readonly beyond?: boolean; readonly otherDirection?: boolean } = {}): void {
    if (this.singles.length === 0) return;
    const { device, address, size, direction } = this.random.pick(this.singles);
    const way = wrong.otherDirection ? this.otherThan(direction) : direction;
    this.machine.dma.sync(device, address, wrong.beyond ? size + 4096 : size, way, this.random.chance(0.5));
  }

  private syncFormer(): void {
    if (this.former.length === 0) return;
    const { device, address, size, direction } = this.random.pick(this.former);
    if (!this.isTaken(device, address)) this.machine.dma.sync(device, address, size, direction, true);
  }

  /** A driver leaves and is bound again; a right one has undone everything before. */
  private cycle(isRight: boolean): void {
    const { machine, random } = this;
    const device = random.pick(this.devices);
    if (device.state !== 'bound') return;
    if (isRight) {
      for (const mapping of this.takeOf(this.singles, device)) this.unmap(mapping);
      for (const mapping of this.takeOf(this.lists, device)) this.unmapList(mapping);
      for (const coherent of this.takeOf(this.coherents, device)) this.freeCoherent(coherent);
    }
    machine.call(machine.drivers.unbind(device));
    machine.call(machine.drivers.bind(device, `driver${this.devices.indexOf(device)}`));
  }

  private boundDevice(): Device | undefined {
    const device = this.random.pick(this.devices);
    return device.state === 'bound' ? device : undefined;
  }

  /** An address that is in use again is no mistake that anybody could tell. */
  private isTaken(device: Device, address: number): boolean {
    const covers = (other: Device, start: number, size: number): boolean =>
      other === device && address < Math.ceil((start + size) / PAGE) * PAGE && start < address + 2 * PAGE;
    return (
      this.singles.some(known => covers(known.device, known.address, known.size)) ||
      this.coherents.some(known => covers(known.device, known.buffer.address, known.buffer.size)) ||
      this.lists.some(({ device: other, list }) =>
        list.segments.some(segment => covers(other, segment.address, segment.size)),
      )
    );
  }

  private takeOne<T>(from: T[]): T | undefined {
    return from.length === 0 ? undefined : from.splice(this.random.below(from.length), 1)[0];
  }

  private takeOf<T extends { readonly device: Device }>(from: T[], device: Device): T[] {
    const taken = from.filter(known => known.device === device);
    for (const one of taken) from.splice(from.indexOf(one), 1);
    return taken;
  }

  private otherThan(direction: number): number {
    return this.random.pick(DIRECTIONS.filter(other => other !== direction));
  }
}
