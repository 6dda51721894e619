import {
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_ATTRS_THAT_MUST_MATCH,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_TO_DEVICE,
  type DmaKind,
} from '../../kernel/dma.ts';
import type { Device } from '../device/device.ts';
import type { SgSegment } from '../dma-iommu/sg-segments.ts';
import type { SgEntry } from '../iommu/map-sg.ts';
import type { KernelLog } from '../kernel-log.ts';
import { ActiveCachelines } from './active-cachelines.ts';
import type { KernelAreas, PointerArea } from './kernel-areas.ts';

/** What dma-debug complains of: kernel/dma/debug.c, Linux 7.2. */
export type DmaDebugClass =
  | 'maps from invalid area'
  | 'maps from vmalloc area'
  | 'maps from stack'
  | 'maps kernel text or rodata'
  | 'maps RAM as a resource'
  | 'sg segment too long'
  | 'sg segment across boundary'
  | 'overlapping cache lines'
  | 'free invalid address'
  | 'free not allocated'
  | 'different size'
  | 'wrong function'
  | 'different CPU address'
  | 'different sg entries'
  | 'different direction'
  | 'map error not checked'
  | 'different attributes'
  | 'sync not allocated'
  | 'sync different direction'
  | 'sync read-only for cpu'
  | 'sync write-only to device'
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
  /** Where the memory is; compared for coherent memory only, and -1 in an unmap of other kinds, which is not told it. */
  readonly phys: number;
  readonly size: number;
  readonly direction: number;
  readonly attrs: number;
  /** Entries of a scatterlist; 0 for other kinds. */
  readonly nents: number;
  /** Which segment of a scatterlist; 0 for other kinds. */
  readonly segment?: number;
}

/** `struct dma_debug_entry` */
interface Entry extends DmaReference {
  /** `MAP_ERR_NOT_CHECKED`: only `dma_map_phys()` can fail with an address that somebody must look at. */
  isUnchecked: boolean;
}

export interface DmaDebugHost {
  readonly log: KernelLog;
  readonly areas: KernelAreas;
  /** The task that runs. */
  readonly pid: () => number;
  /** `dma_get_cache_alignment()` */
  readonly cacheAlignment: number;
}

/** `DMA_MAPPING_ERROR`, as near as a float64 comes to it. */
export const MAPPING_ERROR = 2 ** 64 - 1;

const ATTR_MMIO = 1 << 10;
/** `is_cache_clean`: the caller vouches that overlapping cache lines do no harm, or needs no cache to be looked after. */
const ATTRS_CACHE_CLEAN = (1 << 11) | (1 << 12);

/**
 * dma-debug as a second opinion: its own table of the DMA API's mappings, with its lookup and its tests, to compare
 * iommusan's rules with.
 */
export class DmaDebug {
  readonly errors: DmaDebugError[] = [];
  private readonly host: DmaDebugHost;
  private readonly lines = new ActiveCachelines();
  /** By device and address; one address may be mapped twice where no IOMMU translates. */
  private readonly entries = new Map<string, Entry[]>();

  constructor(host: DmaDebugHost) {
    this.host = host;
  }

  /** `debug_dma_map_single()`: what the pointer itself tells; memory of vmalloc is no valid linear address either. */
  mapSingle(device: Device, area: PointerArea): void {
    const ref = { device, address: MAPPING_ERROR };
    if (area !== 'linear') this.complain('maps from invalid area', ref);
    if (area === 'vmalloc') this.complain('maps from vmalloc area', ref);
  }

  /** `debug_dma_map_phys()` */
  mapPhys(ref: DmaReference): void {
    const { areas } = this.host;
    if (ref.attrs & ATTR_MMIO) {
      if (areas.isRam(ref.phys)) this.complain('maps RAM as a resource', ref);
    } else {
      this.checkMemory(ref, ref.phys, ref.size);
    }
    this.add({ ...ref, isUnchecked: true });
  }

  /** `debug_dma_map_sg()`: all entries are looked at, then each segment is, and is entered. */
  mapSg(ref: DmaReference, entries: readonly SgEntry[], segments: readonly Readonly<SgSegment>[]): void {
    const { device } = ref;
    entries.forEach(({ phys, size }, segment) => {
      this.checkMemory({ ...ref, segment }, phys, size);
    });
    segments.forEach(({ address, size }, segment) => {
      const entry = entries[segment] as SgEntry;
      const mapped = { ...ref, address, size, phys: entry.phys, segment };
      if (entry.size > device.maxSegmentBytes) this.complain('sg segment too long', mapped);
      const { segmentBoundary } = device;
      if (Math.floor(address / segmentBoundary) !== Math.floor((address + size - 1) / segmentBoundary))
        this.complain('sg segment across boundary', mapped);
      this.add({ ...mapped, isUnchecked: false });
    });
  }

  /** `debug_dma_alloc_coherent()` */
  allocCoherent(ref: DmaReference): void {
    this.add({ ...ref, isUnchecked: false });
  }

  /** `debug_dma_mapping_error()`: of several mappings at one address the first that nobody has looked at. */
  mappingError(device: Device, address: number): void {
    const entry = this.entries.get(keyOf(device, address))?.find(({ isUnchecked }) => isUnchecked);
    if (entry) entry.isUnchecked = false;
  }

  /** `check_unmap()`: all that differs is said, and the entry is taken away. */
  unmap(ref: DmaReference): void {
    const entry = this.find(ref);
    if (!entry) {
      this.complain(ref.address === MAPPING_ERROR ? 'free invalid address' : 'free not allocated', ref);
      return;
    }
    if (entry.size !== ref.size) this.complain('different size', ref);
    if (entry.kind !== ref.kind) this.complain('wrong function', ref);
    else if (entry.kind === 'coherent' && entry.phys !== ref.phys)
      this.complain('different CPU address', ref);
    if (ref.kind === 'sg' && entry.nents !== ref.nents) this.complain('different sg entries', ref);
    if (entry.direction !== ref.direction) this.complain('different direction', ref);
    if (entry.isUnchecked) this.complain('map error not checked', ref);
    if (((entry.attrs ^ ref.attrs) & DMA_ATTRS_THAT_MUST_MATCH) !== 0)
      this.complain('different attributes', ref);
    const list = this.entries.get(keyOf(ref.device, ref.address)) ?? [];
    list.splice(list.indexOf(entry), 1);
    if (list.length === 0) this.entries.delete(keyOf(ref.device, ref.address));
    this.lines.remove(entry.phys, entry.direction);
  }

  /**
   * `check_sync()`. The kernel also has words for a sync "outside allocated range", but cannot come to say them:
   * `containing_match()` finds only a mapping that holds all of the range.
   */
  sync(device: Device, address: number, size: number, direction: number, forCpu: boolean): void {
    const ref = { kind: 'single', device, address, phys: -1, size, direction, attrs: 0, nents: 0 } as const;
    const entry = this.containing(ref);
    if (!entry) {
      this.complain('sync not allocated', ref);
      return;
    }
    if (entry.direction === DMA_BIDIRECTIONAL) return;
    if (entry.direction !== direction) this.complain('sync different direction', ref);
    if (forCpu && entry.direction !== DMA_FROM_DEVICE && direction !== DMA_TO_DEVICE)
      this.complain('sync read-only for cpu', ref);
    if (!forCpu && entry.direction !== DMA_TO_DEVICE && direction !== DMA_FROM_DEVICE)
      this.complain('sync write-only to device', ref);
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

  /** `add_dma_entry()` */
  private add(entry: Entry): void {
    const key = keyOf(entry.device, entry.address);
    const list = this.entries.get(key);
    if (list) list.push(entry);
    else this.entries.set(key, [entry]);
    const isClean = (entry.attrs & ATTRS_CACHE_CLEAN) !== 0;
    const overlap = this.lines.insert(entry.phys, entry.direction, isClean);
    if (!overlap) return;
    const { log, cacheAlignment } = this.host;
    if (overlap.exceeds && !isClean) {
      log.warnOnce(
        'active_cacheline_inc_overlap',
        `exceeded ${ActiveCachelines.maxOverlap} overlapping mappings of cacheline ${overlap.line}`,
      );
    }
    // Where DMA is coherent there is nothing to fear. (CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC is not set here.)
    if (cacheAlignment < ActiveCachelines.lineBytes) return;
    if (entry.attrs & DMA_ATTR_SKIP_CPU_SYNC || (isClean && overlap.isClean)) return;
    this.complain('overlapping cache lines', entry);
  }

  /** `check_for_stack()` and `check_for_illegal_area()` */
  private checkMemory(ref: DmaReference, phys: number, size: number): void {
    const { areas, pid } = this.host;
    if (areas.isStackOf(pid(), phys)) this.complain('maps from stack', ref);
    if (areas.isTextOrRodata(phys, size)) this.complain('maps kernel text or rodata', ref);
  }

  /** `bucket_find_exact()` */
  private find(ref: DmaReference): Entry | undefined {
    return bestFit(this.entries.get(keyOf(ref.device, ref.address)) ?? [], ref);
  }

  /** `bucket_find_contain()`: bucket by bucket, from that of the address back to the first. */
  private containing(ref: DmaReference): Entry | undefined {
    const { device, address, size } = ref;
    const buckets = new Map<number, Entry[]>();
    for (const list of this.entries.values()) {
      for (const entry of list) {
        if (entry.device !== device || entry.address > address) continue;
        if (entry.address + entry.size < address + size) continue;
        const bucket = Math.floor(entry.address / BUCKET_BYTES);
        buckets.set(bucket, [...(buckets.get(bucket) ?? []), entry]);
      }
    }
    for (const bucket of [...buckets.keys()].sort((a, b) => b - a)) {
      const entry = bestFit(buckets.get(bucket) ?? [], ref);
      if (entry) return entry;
    }
    return undefined;
  }

  private complain(
    kind: DmaDebugClass,
    { device, address, segment = 0 }: Pick<DmaReference, 'device' | 'address' | 'segment'>,
  ): void {
    this.errors.push({ kind, device: device.name, address, segment });
    const { log } = this.host;
    log.say('err', 'dma-debug', `${device.name}: ${kind}: DMA address 0x${address.toString(16)}`);
  }
}

/** `HASH_FN_SHIFT` */
const BUCKET_BYTES = 2 ** 13;

/**
 * `__hash_bucket_find()`: of several the one that fits in size, kind, direction and number of entries; without such a
 * one none is taken, because any may be meant.
 */
function bestFit(matches: readonly Entry[], ref: DmaReference): Entry | undefined {
  if (matches.length <= 1) return matches[0];
  return matches.find(
    ({ size, kind, direction, nents }) =>
      size === ref.size && kind === ref.kind && direction === ref.direction && nents === ref.nents,
  );
}

function keyOf(device: Device, address: number): string {
  return `${device.id} ${address}`;
}
