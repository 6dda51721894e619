import type { Device } from '../device/device.ts';
import type { Emission } from '../events/emission.ts';
import type { WalkerOptions } from '../iotlb/walker.ts';
import type { KernelLog } from '../kernel-log.ts';
import type { PageAllocator } from '../memory/page-allocator.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { PageTableHost } from '../page-tables/page-table.ts';
import { Sva } from '../sva/sva.ts';
import { UserMm } from '../sva/user-mm.ts';
import type { Kernel, Thread } from '../threads/thread.ts';
import type { Clock } from '../time/clock.ts';
import type { Truth } from '../truth/truth.ts';
import { PgtableFreeing } from './freeing.ts';
import type { FreeingRules, PgtableFreeDesign } from './freeing-designs.ts';
import { mapDirect, removePagetable } from './hot-remove.ts';
import { KernelMm } from './kernel-mm.ts';
import { ADDRESS_END, LEVEL_PGD, PAGE_OFFSET } from './layout.ts';
import { collapseLargePages, splitLargePage, unmapPteRange } from './set-memory.ts';
import { TableRegistry } from './table-registry.ts';
import { vmapRange, vunmapRange } from './vmap.ts';

export interface KernelMemoryHost {
  readonly memory: PhysicalMemory;
  readonly allocator: PageAllocator;
  readonly emission: Emission;
  readonly truth: Truth;
  readonly clock: Clock;
  readonly log: KernelLog;
  readonly caches: WalkerOptions | undefined;
  ownerId(owner: string): number;
  domainId(name: string): number;
  spawn(name: string, body: Kernel): Thread<void>;
  spend(ns: number): void;
}

export interface KernelMemoryOptions {
  /** Default `merged`. */
  readonly design?: PgtableFreeDesign;
  /** Where the invalidation for SVA begins; default PAGE_OFFSET, and 0 in `v3`. */
  readonly invalidateFrom?: number;
  /** Rules of the design that are otherwise, for tests. */
  readonly freeing?: Partial<FreeingRules>;
}

/** The kernel's own page tables, the ways in which they change, and the devices that walk them under SVA. */
export class KernelMemory {
  readonly tables: TableRegistry;
  readonly mm: KernelMm;
  readonly freeing: PgtableFreeing;
  readonly sva: Sva;
  private readonly host: KernelMemoryHost;
  private readonly pageTableHost: PageTableHost;
  private processes = 0;

  constructor(host: KernelMemoryHost, options: KernelMemoryOptions = {}) {
    const { memory, allocator, emission, truth, clock, log, caches } = host;
    const { design = 'merged' } = options;
    const invalidateFrom = options.invalidateFrom ?? (design === 'v3' ? 0 : PAGE_OFFSET);
    const tables = new TableRegistry(allocator, memory.pageSize, host.ownerId('kernel page tables'));
    this.host = host;
    this.tables = tables;
    this.pageTableHost = {
      memory,
      log,
      // Only roots come from here; they are never freed while anybody walks them.
      tables: {
        allocTable() {
          const pfn = tables.alloc({ level: LEVEL_PGD, base: 0, mm: 0, isPtKernel: true });
          return pfn < 0 ? undefined : pfn * memory.pageSize;
        },
        freeTable: phys => tables.free(phys / memory.pageSize),
      },
      flushWalk() {},
      syncGather() {},
    };
    this.mm = new KernelMm({ memory, emission, tables, pageTableHost: this.pageTableHost });
    this.sva = new Sva({
      emission,
      memory,
      registry: tables,
      truth,
      clock,
      caches,
      spend: ns => host.spend(ns),
    });
    this.freeing = new PgtableFreeing(
      {
        emission,
        allocator,
        tables,
        invalidate: () => this.sva.invalidateKvaRange(invalidateFrom, ADDRESS_END),
        spawn: (name, body) => host.spawn(name, body),
      },
      design,
      options.freeing,
    );
  }

  /** A process with an empty address space. */
  process(name: string): UserMm {
    const { memory, allocator, truth } = this.host;
    return new UserMm(
      {
        memory,
        allocator,
        kernel: this.mm,
        pageTableHost: this.pageTableHost,
        truth,
        invalidateSecondary: (mm, start, end) => this.sva.invalidateUser(mm, start, end),
      },
      ++this.processes,
      name,
      this.host.domainId(`SVA of ${name}`),
      this.host.ownerId(name),
    );
  }

  /** `vmap_range_noflush()` with pages of up to `2 ** maxShift` bytes. */
  vmap(address: number, phys: number, size: number, maxShift: number): Kernel {
    return this.mm.inside(
      'vmap_range_noflush',
      vmapRange(this.mm, this.freeing, address, phys, size, maxShift),
    );
  }

  /** `vunmap_range()` */
  vunmap(address: number, size: number): void {
    vunmapRange(this.mm, address, size);
  }

  splitLargePage(address: number): Kernel<boolean> {
    return this.mm.inside('__split_large_page', splitLargePage(this.mm, this.freeing, address));
  }

  collapseLargePages(address: number, size: number): Kernel<number> {
    return this.mm.inside(
      'cpa_collapse_large_pages',
      collapseLargePages(this.mm, this.freeing, address, size),
    );
  }

  unmapPteRange(address: number, size: number): Kernel {
    return this.mm.inside('unmap_pte_range', unmapPteRange(this.mm, this.freeing, address, size));
  }

  /** Memory hot-add: the direct map of a range, in small pages. */
  hotAdd(phys: number, size: number): void {
    mapDirect(this.mm, phys, size);
  }

  /** Memory hot-remove: the direct map of a range and its tables. */
  hotRemove(phys: number, size: number): Kernel {
    return this.mm.inside('remove_pagetable', removePagetable(this.mm, this.freeing, phys, size));
  }

  bind(device: Device, mm: UserMm): Kernel {
    return this.mm.inside('iommu_sva_bind_device', this.sva.bind(device, mm));
  }

  unbind(device: Device, mm: UserMm): Kernel {
    return this.mm.inside('iommu_sva_unbind_device', this.sva.unbind(device, mm));
  }
}
