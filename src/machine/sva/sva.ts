import type { Device } from '../device/device.ts';
import type { Emission } from '../events/emission.ts';
import { type FaultReason, newTranslation } from '../iommu/iommu-unit.ts';
import { blockAround } from '../iotlb/driver-flushes.ts';
import { Walker, type WalkerOptions } from '../iotlb/walker.ts';
import type { TableRegistry } from '../kernel-tables/table-registry.ts';
import { MachineError } from '../machine-error.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { Kernel } from '../threads/thread.ts';
import type { Clock } from '../time/clock.ts';
import type { Truth } from '../truth/truth.ts';
import { SvaTables } from './sva-tables.ts';
import type { UserMm } from './user-mm.ts';

/** Places at which another CPU may come in between. */
export const SVA_STOP = {
  /** `iommu_sva_bind_device()`: the lock is held, the device does not translate yet. */
  binding: 'iommu_sva_bind_device: locked',
  /** `iommu_sva_invalidate_kva_range()`: the lock is held, no address space is flushed yet. */
  invalidating: 'iommu_sva_invalidate_kva_range: locked',
} as const;

export interface SvaHost {
  readonly emission: Emission;
  readonly memory: PhysicalMemory;
  readonly registry: TableRegistry;
  readonly truth: Truth;
  readonly clock: Clock;
  /** Sizes of the caches of each PASID. */
  readonly caches: WalkerOptions | undefined;
  spend(ns: number): void;
}

/** A device that translates through the page tables of a process. */
interface Binding {
  readonly device: Device;
  readonly mm: UserMm;
  readonly walker: Walker;
}

/** What an access came to. */
export interface SvaAccess {
  readonly fault: FaultReason | undefined;
  /** The page frame that was reached; -1 where none was. */
  readonly pfn: number;
}

/** No block is larger than half of the address space. */
const MAX_SHIFT = 63;

/** A PASID-selective invalidation, to its end. */
const FLUSH_NS = 1000;

/** drivers/iommu/iommu-sva.c, Linux 7.2: shared virtual addressing. */
export class Sva {
  /** For tests of what a forgotten process costs: its notifier is not called for kernel addresses. */
  skippedMm: UserMm | undefined;
  private readonly host: SvaHost;
  private readonly bindings: Binding[] = [];
  /** `iommu_sva_lock`, a mutex. */
  private isLocked = false;
  private readonly translation = newTranslation();

  constructor(host: SvaHost) {
    this.host = host;
  }

  /** `iommu_sva_present`: whether any process is bound. */
  get isPresent(): boolean {
    return this.bindings.length > 0;
  }

  /** `iommu_sva_bind_device()`: the caches of the new PASID are cold. */
  *bind(device: Device, mm: UserMm): Kernel {
    const { emission, memory, registry, truth, clock, caches } = this.host;
    if (this.find(device, mm) !== undefined)
      throw new MachineError(`${device.name} is bound to ${mm.name} already`);
    yield* this.lock();
    yield SVA_STOP.binding;
    const tables = new SvaTables(mm, registry, truth, clock, memory, device.id);
    const stampOf = (address: number, phys: number): number => truth.stamps.stampOf(mm.domain, address, phys);
    this.bindings.push({ device, mm, walker: new Walker(tables, memory, stampOf, caches) });
    emission.sink.svaBind(emission.moment(), device.id, mm.id);
    this.isLocked = false;
  }

  /** `iommu_sva_unbind_device()`: the PASID goes, and its caches are invalidated. */
  *unbind(device: Device, mm: UserMm): Kernel {
    const { emission } = this.host;
    const binding = this.find(device, mm);
    if (binding === undefined) throw new MachineError(`${device.name} is not bound to ${mm.name}`);
    yield* this.lock();
    this.bindings.splice(this.bindings.indexOf(binding), 1);
    emission.sink.svaUnbind(emission.moment(), device.id, mm.id);
    this.isLocked = false;
  }

  /**
   * `iommu_sva_invalidate_kva_range()`: every process that a device is bound to shares the kernel's half, so every PASID
   * forgets the range, leaves and tables.
   */
  *invalidateKvaRange(start: number, end: number): Kernel {
    const { emission } = this.host;
    emission.sink.svaInvalidateBegin(emission.moment(), start, end);
    yield* this.lock();
    yield SVA_STOP.invalidating;
    for (const binding of this.bindings) {
      if (binding.mm !== this.skippedMm) this.invalidate(binding, start, end);
    }
    this.isLocked = false;
    emission.sink.svaInvalidateEnd(emission.moment(), start, end);
  }

  /** `mmu_notifier_arch_invalidate_secondary_tlbs()` of a change in user space. */
  invalidateUser(mm: UserMm, start: number, end: number): void {
    for (const binding of this.bindings) if (binding.mm === mm) this.invalidate(binding, start, end);
  }

  /** The device reads or writes a word at an address of the process. */
  access(device: Device, mm: UserMm, address: number, isWrite: boolean, word = 0xdeadbeef): SvaAccess {
    const binding = this.find(device, mm);
    if (binding === undefined) return { fault: 'blocked', pfn: -1 };
    const { translation } = this;
    binding.walker.translate(address, isWrite, translation);
    const { fault, phys, stamp, fromCache } = translation;
    if (fault !== undefined) return { fault, pfn: -1 };
    const { memory, truth, clock } = this.host;
    const pfn = Math.floor(phys / memory.pageSize);
    const isStale = fromCache && mm.tree.iovaToPhys(address) !== phys;
    const access = { timeNs: clock.nowNs, device: device.id, iova: address, pfn, isWrite, isStale, stamp };
    truth.access({ ...access, domain: undefined });
    if (isWrite) memory.write(phys - (phys % 4), word);
    return { fault: undefined, pfn };
  }

  /** Tables that a device's caches know for a process, by page frame. */
  cachedTables(device: Device, mm: UserMm): number[] {
    const cache = this.find(device, mm)?.walker.pagingStructures;
    if (cache === undefined) return [];
    const { pageSize } = this.host.memory;
    return [...cache.iova].flatMap((iova, slot) =>
      Number.isNaN(iova) ? [] : [(cache.phys[slot] as number) / pageSize],
    );
  }

  /** Intel and AMD invalidate the smallest aligned block that covers the range: from PAGE_OFFSET on, the upper half. */
  private invalidate({ walker }: Binding, start: number, end: number): void {
    const { iova, size } = blockAround(start, end, MAX_SHIFT, false);
    walker.invalidate(iova, size, false);
    this.host.spend(FLUSH_NS);
  }

  private find(device: Device, mm: UserMm): Binding | undefined {
    return this.bindings.find(binding => binding.device === device && binding.mm === mm);
  }

  private *lock(): Kernel {
    while (this.isLocked) yield { what: 'iommu_sva_lock', until: () => !this.isLocked };
    this.isLocked = true;
  }
}
