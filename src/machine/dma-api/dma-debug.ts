import { DMA_ATTRS_THAT_MUST_MATCH, DMA_BIDIRECTIONAL, type DmaKind } from '../../kernel/dma.ts';
import type { Device } from '../device/device.ts';
import type { KernelLog } from '../kernel-log.ts';

/** What dma-debug complains of (kernel/dma/debug.c, Linux 7.2), as far as the machine can go wrong that way. */
export type DmaDebugClass =
  | 'free not allocated'
  | 'different size'
  | 'wrong function'
  | 'different sg entries'
  | 'different direction'
  | 'different attributes'
  | 'sync not allocated'
  | 'sync outside range'
  | 'sync different direction'
  | 'pending at unbind';

/** A complaint. */
export interface DmaDebugError {
  readonly kind: DmaDebugClass;
  readonly device: string;
  readonly address: number;
  /** Which segment of its scatterlist it is: dma-debug says the same of each. */
  readonly segment: number;
}

/** What is known of a mapping; an unmap is described in the same words. */
export interface DmaReference {
  readonly kind: DmaKind;
  readonly device: Device;
  readonly address: number;
  readonly size: number;
  readonly direction: number;
  readonly attrs: number;
  /** Entries of a scatterlist; 0 for other kinds. */
  readonly nents: number;
  /** Which segment of a scatterlist; 0 for other kinds. */
  readonly segment?: number;
}

/**
 * dma-debug as a second opinion: its own table of the DMA API's mappings, with its lookup and its tests, to compare
 * iommusan's rules with.
 */
export class DmaDebug {
  readonly errors: DmaDebugError[] = [];
  private readonly log: KernelLog;
  /** By device and address; one address may be mapped twice where no IOMMU translates. */
  private readonly entries = new Map<string, DmaReference[]>();

  constructor(log: KernelLog) {
    this.log = log;
  }

  /** `add_dma_entry()` */
  add(entry: DmaReference): void {
    const key = keyOf(entry.device, entry.address);
    const list = this.entries.get(key);
    if (list) list.push(entry);
    else this.entries.set(key, [entry]);
  }

  /** `check_unmap()`: all that differs is said, and the entry is taken away. */
  unmap(ref: DmaReference): void {
    const entry = this.find(ref);
    if (!entry) {
      this.complain('free not allocated', ref);
      return;
    }
    if (entry.size !== ref.size) this.complain('different size', ref);
    if (entry.kind !== ref.kind) this.complain('wrong function', ref);
    if (ref.kind === 'sg' && entry.nents !== ref.nents) this.complain('different sg entries', ref);
    if (entry.direction !== ref.direction) this.complain('different direction', ref);
    if (((entry.attrs ^ ref.attrs) & DMA_ATTRS_THAT_MUST_MATCH) !== 0)
      this.complain('different attributes', ref);
    const list = this.entries.get(keyOf(ref.device, ref.address)) ?? [];
    list.splice(list.indexOf(entry), 1);
    if (list.length === 0) this.entries.delete(keyOf(ref.device, ref.address));
  }

  /** `check_sync()`; an address within a mapping is found too (`bucket_find_contain()`). */
  sync(device: Device, address: number, size: number, direction: number): void {
    const entry = this.containing(device, address);
    const ref: DmaReference = { kind: 'single', device, address, size, direction, attrs: 0, nents: 0 };
    if (!entry) {
      this.complain('sync not allocated', ref);
      return;
    }
    if (address + size > entry.address + entry.size) this.complain('sync outside range', ref);
    if (entry.direction !== DMA_BIDIRECTIONAL && entry.direction !== direction) {
      this.complain('sync different direction', ref);
    }
  }

  /** `dma_debug_device_change()` at `BUS_NOTIFY_UNBOUND_DRIVER`: one line, however much is pending. */
  unbound(device: Device): void {
    for (const list of this.entries.values()) {
      for (const entry of list) {
        if (entry.device === device) {
          this.complain('pending at unbind', entry);
          return;
        }
      }
    }
  }

  /**
   * `bucket_find_exact()`: of several mappings at one address the one that fits in size, kind, direction and number of
   * entries; without such a one none is taken, because any may be meant.
   */
  private find(ref: DmaReference): DmaReference | undefined {
    const list = this.entries.get(keyOf(ref.device, ref.address)) ?? [];
    if (list.length <= 1) return list[0];
    return list.find(
      ({ size, kind, direction, nents }) =>
        size === ref.size && kind === ref.kind && direction === ref.direction && nents === ref.nents,
    );
  }

  private containing(device: Device, address: number): DmaReference | undefined {
    const exact = this.entries.get(keyOf(device, address))?.[0];
    if (exact) return exact;
    for (const list of this.entries.values()) {
      for (const entry of list) {
        if (entry.device === device && address >= entry.address && address < entry.address + entry.size)
          return entry;
      }
    }
    return undefined;
  }

  private complain(kind: DmaDebugClass, { device, address, segment = 0 }: DmaReference): void {
    this.errors.push({ kind, device: device.name, address, segment });
    this.log.say('err', 'dma-debug', `${device.name}: ${kind}: DMA address 0x${address.toString(16)}`);
  }
}

function keyOf(device: Device, address: number): string {
  return `${device.id} ${address}`;
}
