import {
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_TO_DEVICE,
} from '../../kernel/dma.ts';
import type { ScatterList } from '../../kernel/events.ts';
import type { Device } from '../device/device.ts';
import type { DmaIommu } from '../dma-iommu/dma-iommu.ts';
import type { Emission } from '../events/emission.ts';
import type { SgEntry } from '../iommu/map-sg.ts';
import type { KernelLog } from '../kernel-log.ts';
import { GFP_ZERO, type PageAllocator } from '../memory/page-allocator.ts';
import { IOMMU_READ, IOMMU_WRITE } from '../page-tables/page-table.ts';
import type { Kernel } from '../threads/thread.ts';
import type { Truth } from '../truth/truth.ts';
import { DmaBindings } from './dma-bindings.ts';
import { type DmaDebug, MAPPING_ERROR } from './dma-debug.ts';
import type { PointerArea } from './kernel-areas.ts';
import type { Swiotlb } from './swiotlb.ts';

/** `enum dma_data_direction` */
export const TO_DEVICE = DMA_TO_DEVICE;
export const FROM_DEVICE = DMA_FROM_DEVICE;

/** `DMA_ATTR_SKIP_CPU_SYNC`, include/linux/dma-mapping.h. */
export const ATTR_SKIP_CPU_SYNC = DMA_ATTR_SKIP_CPU_SYNC;
export const ATTR_WEAK_ORDERING = 1 << 1;

/** Entries of a scatterlist that an event holds (include/trace/events/dma.h). */
const RECORDED_ENTRIES = 128;

export interface DmaApiHost {
  readonly emission: Emission;
  readonly truth: Truth;
  readonly dmaIommu: DmaIommu;
  readonly dmaDebug: DmaDebug;
  readonly swiotlb: Swiotlb;
  readonly allocator: PageAllocator;
  readonly log: KernelLog;
  readonly pageSize: number;
}

/** Memory of `dma_alloc_coherent()`. */
export interface CoherentBuffer {
  readonly pfn: number;
  readonly order: number;
  readonly size: number;
  readonly address: number;
}

/** A mapped scatterlist. */
export interface MappedList {
  readonly entries: readonly SgEntry[];
  readonly segments: readonly { readonly address: number; readonly size: number }[];
}

/**
 * The DMA API, kernel/dma/mapping.c of Linux 7.2: through dma-iommu where the device has it now, else through dma-direct.
 * That an unmap takes the way that is there *now*, whatever the map took, is what goes wrong after an unbind.
 */
export class DmaApi {
  private readonly host: DmaApiHost;
  private readonly bindings: DmaBindings;

  constructor(host: DmaApiHost) {
    this.host = host;
    this.bindings = new DmaBindings(host.truth, host.emission);
  }

  /**
   * `dma_map_phys()`, which `dma_map_single()` and `dma_map_page()` are.
   *
   * @returns the DMA address, or `undefined` (`DMA_MAPPING_ERROR`)
   */
  *map(
    device: Device,
    phys: number,
    size: number,
    direction = DMA_BIDIRECTIONAL,
    attrs = 0,
  ): Kernel<number | undefined> {
    const { emission, dmaDebug } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_map_phys'));
    const address = yield* this.mapAnyWay(device, phys, size, direction);
    // The kernel's event of a map that failed has DMA_MAPPING_ERROR for its address, which is no mapping to anybody.
    if (address !== undefined) {
      emission.sink.dmaMap(emission.moment(), 'single', device.id, address, size, phys, direction, attrs);
      dmaDebug.mapPhys({ kind: 'single', device, address, phys, size, direction, attrs, nents: 0 });
      this.bindings.mapped(device, address);
    }
    emission.leave(caller);
    return address;
  }

  /**
   * `dma_map_single()` of a pointer into the linear mapping, or of one that is none: what vmalloc gives is refused before
   * dma-debug sees it (include/linux/dma-mapping.h), an invalid pointer leads somewhere.
   */
  *mapSingle(
    device: Device,
    area: PointerArea,
    phys: number,
    size: number,
    direction = DMA_BIDIRECTIONAL,
  ): Kernel<number | undefined> {
    const { dmaDebug, log } = this.host;
    if (area === 'vmalloc') {
      log.warnOnce('dma_map_single_attrs', 'rejecting DMA map of vmalloc memory');
      return undefined;
    }
    dmaDebug.mapSingle(device, area);
    return yield* this.map(device, phys, size, direction);
  }

  /** `dma_mapping_error()`: that a driver asks is all that dma-debug wants; no event tells of it. */
  mappingError(device: Device, address: number | undefined): boolean {
    this.host.dmaDebug.mappingError(device, address ?? MAPPING_ERROR);
    return address === undefined;
  }

  /** `dma_unmap_phys()` */
  *unmap(device: Device, address: number, size: number, direction = DMA_BIDIRECTIONAL, attrs = 0): Kernel {
    const { emission, dmaDebug } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_unmap_phys'));
    this.bindings.unmapping(device, address);
    yield* this.unmapAnyWay(device, address, size, direction !== TO_DEVICE);
    emission.sink.dmaUnmap(emission.moment(), 'single', device.id, address, size, direction, attrs);
    dmaDebug.unmap({ kind: 'single', device, address, phys: -1, size, direction, attrs, nents: 0 });
    emission.leave(caller);
  }

  /** `dma_sync_single_for_{cpu,device}()` */
  sync(device: Device, address: number, size: number, direction: number, forCpu: boolean): void {
    const { emission, dmaDebug, swiotlb } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('__dma_sync_single_for_cpu'));
    if (!device.usesDmaIommu) swiotlb.sync(address, forCpu);
    emission.sink.dmaSync(emission.moment(), device.id, address, size, direction);
    dmaDebug.sync(device, address, size, direction, forCpu);
    emission.leave(caller);
  }

  /** `dma_map_sg()`: `undefined` where it failed, of which ordinary errors leave no event. */
  *mapSg(
    device: Device,
    entries: readonly SgEntry[],
    direction = DMA_BIDIRECTIONAL,
    attrs = 0,
  ): Kernel<MappedList | undefined> {
    const { emission, dmaIommu, dmaDebug } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('__dma_map_sg_attrs'));
    const { domain } = device;
    let segments: MappedList['segments'];
    if (device.usesDmaIommu && domain) {
      this.begins(device);
      segments = yield* dmaIommu.mapSg(domain, entries, protOf(direction), device.dmaMask, device);
    } else {
      segments = entries.map(({ phys, size }) => ({ address: phys, size }));
    }
    const [first] = segments;
    if (first) {
      emission.sink.dmaMapSg(emission.moment(), device.id, listOf(entries, segments), direction, attrs);
      const { address, size } = first;
      const nents = entries.length;
      dmaDebug.mapSg(
        { kind: 'sg', device, address, phys: -1, size, direction, attrs, nents },
        entries,
        segments,
      );
      for (const segment of segments) this.bindings.mapped(device, segment.address);
    }
    emission.leave(caller);
    return first && { entries, segments };
  }

  /** `dma_unmap_sg()`: its event comes first, and tells physical addresses only. */
  *unmapSg(device: Device, list: MappedList, direction = DMA_BIDIRECTIONAL, attrs = 0): Kernel {
    const { emission, dmaIommu, dmaDebug } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_unmap_sg_attrs'));
    emission.sink.dmaUnmapSg(emission.moment(), device.id, listOf(list.entries, []), direction, attrs);
    const nents = list.entries.length;
    for (const [segment, { address, size }] of list.segments.entries()) {
      // One call, and one unmap of the IOMMU, however many segments: the truth counts it once.
      if (segment === 0) this.bindings.unmapping(device, address);
      else this.bindings.forget(device, address);
      dmaDebug.unmap({ kind: 'sg', device, address, phys: -1, size, direction, attrs, nents, segment });
    }
    if (device.usesDmaIommu && device.domain) yield* dmaIommu.unmapSg(device.domain, list.segments);
    emission.leave(caller);
  }

  /** `dma_alloc_coherent()` */
  *allocCoherent(device: Device, size: number, owner: number): Kernel<CoherentBuffer | undefined> {
    const { emission, allocator, dmaDebug, pageSize } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_alloc_attrs'));
    const order = Math.max(0, Math.ceil(Math.log2(size / pageSize)));
    const pfn = allocator.alloc(order, GFP_ZERO, owner);
    let buffer: CoherentBuffer | undefined;
    if (pfn >= 0) {
      const address = yield* this.mapAnyWay(device, pfn * pageSize, size, DMA_BIDIRECTIONAL);
      if (address === undefined) allocator.free(pfn, order);
      else buffer = { pfn, order, size, address };
    }
    if (buffer) {
      const { address } = buffer;
      emission.sink.dmaMap(emission.moment(), 'coherent', device.id, address, size, -1, DMA_BIDIRECTIONAL, 0);
      dmaDebug.allocCoherent({
        kind: 'coherent',
        device,
        address,
        phys: pfn * pageSize,
        size,
        direction: DMA_BIDIRECTIONAL,
        attrs: 0,
        nents: 0,
      });
      this.bindings.mapped(device, address);
    }
    emission.leave(caller);
    return buffer;
  }

  /** `dma_free_coherent()`: its event comes first. */
  *freeCoherent(device: Device, { pfn, order, size, address }: CoherentBuffer): Kernel {
    const { emission, allocator, dmaDebug, pageSize } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_free_attrs'));
    emission.sink.dmaUnmap(emission.moment(), 'coherent', device.id, address, size, DMA_BIDIRECTIONAL, 0);
    dmaDebug.unmap({
      kind: 'coherent',
      device,
      address,
      phys: pfn * pageSize,
      size,
      direction: DMA_BIDIRECTIONAL,
      attrs: 0,
      nents: 0,
    });
    this.bindings.unmapping(device, address);
    yield* this.unmapAnyWay(device, address, size, false);
    allocator.free(pfn, order);
    emission.leave(caller);
  }

  /**
   * `dma_iova_try_alloc()`, `dma_iova_link()`, `dma_iova_sync()`: a map that gives no event of the DMA API and is
   * unknown to dma-debug.
   */
  *linkIova(
    device: Device,
    phys: number,
    size: number,
    direction = DMA_BIDIRECTIONAL,
  ): Kernel<number | undefined> {
    const { emission } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_iova_link'));
    const address = yield* this.mapAnyWay(device, phys, size, direction);
    if (address !== undefined) this.bindings.mapped(device, address);
    emission.leave(caller);
    return address;
  }

  /** `dma_iova_destroy()` */
  *destroyIova(device: Device, address: number, size: number): Kernel {
    const { emission } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('dma_iova_destroy'));
    this.bindings.unmapping(device, address);
    yield* this.unmapAnyWay(device, address, size, false);
    emission.leave(caller);
  }

  /** The way that the device has now: `use_dma_iommu()`, else dma-direct with a bounce buffer where it must be. */
  private *mapAnyWay(
    device: Device,
    phys: number,
    size: number,
    direction: number,
  ): Kernel<number | undefined> {
    const { dmaIommu, swiotlb } = this.host;
    if (device.usesDmaIommu && device.domain) {
      this.begins(device);
      return yield* dmaIommu.mapPhys(device.domain, phys, size, protOf(direction), device.dmaMask);
    }
    // dma_direct_map_phys(): an address that the device cannot reach is bounced.
    return phys + size - 1 <= device.dmaMask
      ? phys
      : swiotlb.map(phys, size, device.dmaMask, direction !== FROM_DEVICE);
  }

  private *unmapAnyWay(device: Device, address: number, size: number, copiesOut: boolean): Kernel {
    const { dmaIommu, swiotlb, log } = this.host;
    // iommu_dma_unmap_phys() asks the page tables first; nothing is mapped at the address of a failure.
    if (address === MAPPING_ERROR) log.warn('iommu_dma_unmap_phys', 'nothing is mapped at DMA_MAPPING_ERROR');
    else if (device.usesDmaIommu && device.domain) yield* dmaIommu.unmap(device.domain, address, size);
    else swiotlb.unmap(address, copiesOut);
  }

  /** The probe at the entry of dma-iommu: the next mapping in this context is the device's. */
  private begins(device: Device): void {
    const { emission } = this.host;
    emission.sink.dmaMapBegin(emission.moment(), device.id);
  }
}

/** `dma_info_to_prot()` */
function protOf(direction: number): number {
  if (direction === TO_DEVICE) return IOMMU_READ;
  return direction === FROM_DEVICE ? IOMMU_WRITE : IOMMU_READ | IOMMU_WRITE;
}

function listOf(
  entries: readonly SgEntry[],
  segments: readonly { readonly address: number; readonly size: number }[],
): ScatterList {
  const kept = entries.slice(0, RECORDED_ENTRIES);
  const made = segments.slice(0, RECORDED_ENTRIES);
  return {
    phys: Float64Array.from(kept, ({ phys }) => phys),
    nents: kept.length,
    fullNents: entries.length,
    dmaAddr: Float64Array.from(made, ({ address }) => address),
    length: Float64Array.from(made, ({ size }) => size),
    ents: made.length,
    fullEnts: segments.length,
  };
}
