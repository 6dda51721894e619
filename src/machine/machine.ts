import type { KernelEvents } from '../kernel/events.ts';
import { silentEvents } from '../kernel/silent-events.ts';
import { type Capabilities, noCapabilities } from '../kernel/source.ts';
import { type Device, newDevice } from './device/device.ts';
import { DmaEngine, type DmaResult } from './device/dma-engine.ts';
import { DmaApi } from './dma-api/dma-api.ts';
import { DmaDebug } from './dma-api/dma-debug.ts';
import { KernelAreas } from './dma-api/kernel-areas.ts';
import { Swiotlb } from './dma-api/swiotlb.ts';
import { DmaIommu } from './dma-iommu/dma-iommu.ts';
import { DriverModel } from './driver-model/driver-model.ts';
import { Emission } from './events/emission.ts';
import { MachineNames, NameList } from './events/machine-names.ts';
import { CORE_RULES, type IommuContext, iovaToPhys } from './iommu/context.ts';
import type { DomainType, IommuDomain } from './iommu/domain.ts';
import { Domains } from './iommu/domains.ts';
import type { IommuUnitHost } from './iommu/iommu-unit.ts';
import { iommuMap } from './iommu/map.ts';
import { iommuMapSg, type SgEntry } from './iommu/map-sg.ts';
import { iommuUnmap, iommuUnmapFast, iotlbSync } from './iommu/unmap.ts';
import { IommuHardware } from './iotlb/iommu-hardware.ts';
import { KernelLog } from './kernel-log.ts';
import type { PgtableFreeDesign } from './kernel-tables/freeing-designs.ts';
import { KernelMemory } from './kernel-tables/kernel-memory.ts';
import { GFP_COMP, GFP_ZERO, PageAllocator } from './memory/page-allocator.ts';
import { PhysicalMemory } from './memory/physical-memory.ts';
import type { MachineOptions } from './options.ts';
import { PAGE_POOL_RULES, type PagePoolDesign, type PagePoolRules } from './page-pool/designs.ts';
import { PagePool, type PagePoolOptions } from './page-pool/page-pool.ts';
import { PoolPages } from './page-pool/pool-pages.ts';
import type { IotlbGather } from './page-tables/iotlb-gather.ts';
import { IOMMU_READ, IOMMU_WRITE, type PageTableFormat } from './page-tables/page-table.ts';
import { rulesOf } from './sanitizer/rules.ts';
import { Sanitizer } from './sanitizer/sanitizer.ts';
import { Current } from './threads/current.ts';
import { Holds } from './threads/holds.ts';
import { runNow } from './threads/run-now.ts';
import { Scheduler, type SpawnOptions } from './threads/scheduler.ts';
import type { Kernel, Thread } from './threads/thread.ts';
import { Clock } from './time/clock.ts';
import { DEFAULT_COSTS } from './time/costs.ts';
import { Timers } from './time/timers.ts';
import { Truth } from './truth/truth.ts';
import { walkBus } from './truth/walk-bus.ts';

const DEFAULT_MEMORY = 64 << 20;

/** The task that runs what is not a thread of its own. */
const INIT_PID = 1;

/** How pages are asked for. */
export interface AllocOptions {
  /** Who has the pages, for the truth; default the running task. */
  readonly owner?: string;
  /** `__GFP_ZERO` */
  readonly zero?: boolean;
  /** `__GFP_COMP` */
  readonly compound?: boolean;
}

/**
 * A machine: memory, page allocator, IOMMU, sanitizer, devices and CPUs, with the rules of Linux 7.2. It tells
 * what a recording would show ({@link tellTo}), and {@link truth} knows what really happened.
 *
 * Calls that another CPU can interrupt are generators: {@link call} runs one to its end, {@link spawn} makes a thread of
 * it, `yield*` calls it from another.
 */
export class Machine {
  readonly names = new MachineNames();
  readonly clock = new Clock();
  readonly log: KernelLog;
  readonly memory: PhysicalMemory;
  readonly truth: Truth;
  readonly timers: Timers;
  readonly scheduler: Scheduler;
  readonly holds: Holds;
  readonly allocator: PageAllocator;
  readonly sanitizer: Sanitizer | undefined;
  readonly domains: Domains;
  /** The DMA API, and dma-debug as a second opinion on its use. */
  readonly dma: DmaApi;
  readonly dmaDebug: DmaDebug;
  /** Stacks and the kernel's image, of which dma-debug asks. */
  readonly areas: KernelAreas;
  readonly dmaIommu: DmaIommu;
  /** Drivers that come and go. */
  readonly drivers: DriverModel;
  /** Owners of pages by number, as {@link Truth} has them. */
  readonly owners = new NameList();
  /** Page-table format of the IOMMU. */
  readonly format: PageTableFormat;
  /** Whether unmaps of the DMA API are flushed later, by the flush queue. */
  readonly isLazy: boolean;
  /** What its page_pools do with pages in flight. */
  readonly pagePoolDesign: PagePoolDesign;
  /** What the events can tell. */
  readonly capabilities: Capabilities;
  readonly iommu: IommuContext;
  readonly emission: Emission;
  private readonly pagePoolRules: PagePoolRules;
  private readonly poolPages = new PoolPages();
  private readonly engine: DmaEngine;
  private readonly options: MachineOptions;
  private ownKernelMemory: KernelMemory | undefined;
  private readonly devices = new Map<string, Device>();
  private readonly devicesById = new Map<number, Device>();

  /** @param sink is told what happens; {@link tellTo} may change it */
  constructor(options: MachineOptions = {}, sink: KernelEvents = silentEvents) {
    const { memoryBytes: sizeBytes = DEFAULT_MEMORY, pageSize = 4096, regions = [] } = options;
    const costs = { ...DEFAULT_COSTS, ...options.costs };
    const { mutation, tellsEveryAllocation = false } = options;
    const current = new Current();
    this.options = options;
    this.format = options.iommu ?? 'vtd';
    this.isLazy = options.isLazy ?? false;
    this.names.tasks.set(INIT_PID, 'init');
    current.become(INIT_PID, 0, 'task', 0);
    this.capabilities = capabilitiesOf(tellsEveryAllocation);
    this.log = new KernelLog(options.logLimit);
    this.memory = new PhysicalMemory({ sizeBytes, pageSize, regions });
    this.truth = new Truth(this.memory.pages);
    this.timers = new Timers(this.clock);
    this.holds = new Holds(this.log);
    this.scheduler = new Scheduler(
      this.clock,
      this.timers,
      current,
      this.holds,
      options.seed ?? 1,
      (pid, name) => this.names.tasks.set(pid, name),
    );
    this.emission = new Emission(sink, this.clock, current, this.names, costs.event);
    const rules = rulesOf(options.sanitizer ?? 'merged');
    const spend = (ns: number): void => this.scheduler.spend(ns);
    this.sanitizer =
      rules &&
      new Sanitizer(
        { ...rules, ...mutation?.sanitizer },
        {
          memory: this.memory,
          log: this.log,
          iovaToPhys: (domain, iova) => iovaToPhys(this.iommu, domain, iova),
        },
      );
    this.allocator = new PageAllocator({
      memory: this.memory,
      cpu: () => current.cpu,
      hooks: this.allocatorHooks(tellsEveryAllocation),
      ...(mutation?.allocator && { rules: mutation.allocator }),
      ...options.perCpuPages,
    });
    const unit = new IommuHardware(this.unitHost(), options.caches);
    this.iommu = {
      emission: this.emission,
      log: this.log,
      truth: this.truth,
      unit,
      sanitizer: this.sanitizer,
      rules: { ...CORE_RULES, ...mutation?.core },
      faults: { syncMapFails: false, tableAllocFailsAfter: undefined },
      costs,
      spend,
    };
    this.domains = new Domains({
      core: this.iommu,
      allocator: this.allocator,
      memory: this.memory,
      owners: this.owners,
      format: this.format,
      tableOptions: options.table ?? {},
      wrapTable: mutation?.wrapTable ?? (table => table),
    });
    this.dmaIommu = new DmaIommu({
      core: this.iommu,
      timers: this.timers,
      cpus: options.cpus ?? 4,
      freeTables: tables => this.freeTables(tables),
    });
    this.areas = new KernelAreas(this.memory);
    this.dmaDebug = new DmaDebug({
      log: this.log,
      areas: this.areas,
      pid: () => current.pid,
      cacheAlignment: options.dmaCacheAlignment ?? 1,
    });
    this.dma = new DmaApi({
      emission: this.emission,
      truth: this.truth,
      dmaIommu: this.dmaIommu,
      dmaDebug: this.dmaDebug,
      swiotlb: new Swiotlb(this.memory, this.allocator, this.owners.id('swiotlb')),
      allocator: this.allocator,
      log: this.log,
      pageSize,
    });
    this.drivers = new DriverModel({
      emission: this.emission,
      domains: this.domains,
      dmaIommu: this.dmaIommu,
      dmaDebug: this.dmaDebug,
      defaultDomainType: this.isLazy ? 'dma-fq' : 'dma',
    });
    this.pagePoolDesign = options.pagePool ?? 'merged';
    this.pagePoolRules = { ...PAGE_POOL_RULES[this.pagePoolDesign], ...mutation?.pagePool };
    this.engine = new DmaEngine(this.memory, unit, this.truth, this.emission, this.clock, costs.access);
  }

  /** From now on `sink` is told what happens, and nobody else. */
  tellTo(sink: KernelEvents): void {
    this.emission.sink = sink;
  }

  /** Runs code of the kernel to its end, with nothing in between. */
  call<T>(body: Kernel<T>): T {
    return runNow(body);
  }

  /** Makes a thread of it, which {@link Scheduler} runs. */
  spawn<T>(name: string, body: Kernel<T>, options?: SpawnOptions): Thread<T> {
    return this.scheduler.spawn(name, body, options);
  }

  /** Calls `body` as a function of this name, for the kernel stack; `edu_open[edu]` is one of a module. */
  *inside<T>(name: string, body: Kernel<T>): Kernel<T> {
    const caller = this.emission.enter(this.names.stacks.symbol(name));
    const result = yield* body;
    this.emission.leave(caller);
    return result;
  }

  /** `alloc_pages()`: the first page, or -1. */
  allocPages(order = 0, { owner, zero = false, compound = false }: AllocOptions = {}): number {
    const gfp = (zero ? GFP_ZERO : 0) | (compound ? GFP_COMP : 0);
    const caller = this.emission.enter(this.names.stacks.symbol('alloc_pages_noprof'));
    const pfn = this.allocator.alloc(order, gfp, this.ownerId(owner));
    this.emission.leave(caller);
    return pfn;
  }

  /** `__free_pages()` */
  freePages(pfn: number, order = 0): void {
    const caller = this.emission.enter(this.names.stacks.symbol('__free_pages'));
    this.allocator.free(pfn, order);
    this.emission.leave(caller);
  }

  /** The number of an owner; the running task where it has no name. */
  ownerId(owner: string | undefined): number {
    return this.owners.id(owner ?? this.names.task(this.emission.current.pid));
  }

  /** The design by which kernel page-table pages are freed; `undefined` while nothing has asked for {@link kernelMemory}. */
  get pgtableFree(): PgtableFreeDesign | undefined {
    return this.ownKernelMemory?.freeing.design;
  }

  /** The kernel's own page tables and SVA; made, with pages of the allocator, when they are first asked for. */
  get kernelMemory(): KernelMemory {
    this.ownKernelMemory ??= this.newKernelMemory();
    return this.ownKernelMemory;
  }

  /** The device of this name, which is made when it is first asked for; no IOMMU translates for it yet. */
  device(name: string): Device {
    let device = this.devices.get(name);
    if (!device) {
      device = newDevice(this.names.devices.id(name), name);
      this.devices.set(name, device);
      this.devicesById.set(device.id, device);
    }
    return device;
  }

  /** `page_pool_create()` */
  pagePool(name: string, device: Device, options: PagePoolOptions = {}): PagePool {
    const { emission, allocator, dma, log, timers, names } = this;
    const host = {
      emission,
      allocator,
      dma,
      log,
      timers,
      pageSize: this.memory.pageSize,
      rules: this.pagePoolRules,
      pages: this.poolPages,
    };
    return new PagePool(host, names.pools.id(name), name, device, this.ownerId(name), options);
  }

  /** A domain with a page table of its own, for `iommu_map()`. */
  domainAlloc(name: string, type: DomainType = 'unmanaged', device?: Device): IommuDomain {
    return this.domains.alloc(name, type, device);
  }

  /** `iommu_map()`: 0 or a negated errno. */
  iommuMap(
    domain: IommuDomain,
    iova: number,
    phys: number,
    size: number,
    prot = IOMMU_READ | IOMMU_WRITE,
  ): Kernel<number> {
    return iommuMap(this.iommu, domain, iova, phys, size, prot);
  }

  /** `iommu_map_sg()`: bytes mapped, or a negated errno. */
  iommuMapSg(
    domain: IommuDomain,
    iova: number,
    list: readonly SgEntry[],
    prot = IOMMU_READ | IOMMU_WRITE,
  ): Kernel<number> {
    return iommuMapSg(this.iommu, domain, iova, list, prot);
  }

  /** `iommu_unmap()`: bytes unmapped. */
  iommuUnmap(domain: IommuDomain, iova: number, size: number): Kernel<number> {
    return iommuUnmap(this.iommu, domain, iova, size);
  }

  /** `iommu_unmap_fast()`: bytes unmapped; the caller flushes with {@link iotlbSync}. */
  iommuUnmapFast(domain: IommuDomain, iova: number, size: number, gather: IotlbGather): Kernel<number> {
    return iommuUnmapFast(this.iommu, domain, iova, size, gather);
  }

  iotlbSync(domain: IommuDomain, gather: IotlbGather): void {
    iotlbSync(this.iommu, domain, gather);
  }

  /** `iommu_iova_to_phys()`: 0 where nothing translates. */
  iovaToPhys(domain: IommuDomain, iova: number): number {
    return iovaToPhys(this.iommu, domain, iova);
  }

  /** The device writes `word` over a range. */
  dmaWrite(device: Device, address: number, size: number, word = 0xdeadbeef): DmaResult {
    return this.engine.write(device, address, size, word);
  }

  dmaRead(device: Device, address: number, size: number): DmaResult {
    return this.engine.read(device, address, size);
  }

  /** A CPU writes `word` into a page of its own. */
  cpuWrite(pfn: number, word: number): void {
    this.memory.write(pfn * this.memory.pageSize, word);
  }

  /** The first word of a page. */
  cpuRead(pfn: number): number {
    return this.memory.read(pfn * this.memory.pageSize);
  }

  private newKernelMemory(): KernelMemory {
    const { pgtableFree: design, kvaInvalidateFrom: invalidateFrom, caches, mutation } = this.options;
    const { memory, allocator, emission, truth, clock, log } = this;
    return new KernelMemory(
      {
        memory,
        allocator,
        emission,
        truth,
        clock,
        log,
        caches,
        ownerId: owner => this.ownerId(owner),
        domainId: name => this.names.domains.id(name),
        spawn: (name, body) => this.spawn(name, body),
        spend: ns => this.scheduler.spend(ns),
      },
      {
        ...(design && { design }),
        ...(invalidateFrom !== undefined && { invalidateFrom }),
        ...(mutation?.freeing && { freeing: mutation.freeing }),
      },
    );
  }

  private allocatorHooks(
    tellsEveryAllocation: boolean,
  ): ConstructorParameters<typeof PageAllocator>[0]['hooks'] {
    const { truth, emission } = this;
    return {
      allocHook: (pfn, pages) => this.sanitizer?.checkPages(pfn, pages, 'alloc'),
      allocated: (pfn, order, owner, traced) => {
        truth.owners.allocated(pfn, 2 ** order, owner);
        if (traced || tellsEveryAllocation) emission.sink.pageAlloc(emission.moment(), pfn, order);
      },
      freeing: (pfn, order) => emission.sink.pageFree(emission.moment(), pfn, order),
      freeHook: (pfn, pages) => this.sanitizer?.checkPages(pfn, pages, 'free'),
      freed: (pfn, order) => {
        truth.owners.freed(pfn, 2 ** order);
        for (let page = pfn; page < pfn + 2 ** order; page++) this.poolPages.freed(page);
      },
    };
  }

  private freeTables(tables: readonly number[]): void {
    for (const phys of tables) this.allocator.put(phys / this.memory.pageSize);
  }

  private unitHost(): IommuUnitHost {
    const { truth, emission, memory, clock } = this;
    return {
      clock,
      busOf: device =>
        walkBus(memory, truth, clock, () => {
          const at = this.devicesById.get(device);
          return at?.domain && { device, domain: at.domain, owner: this.domains.tableOwner(at.domain) };
        }),
      stampOf: (domain, iova, phys) => truth.stamps.stampOf(domain.id, iova, phys),
      freeTables: tables => this.freeTables(tables),
      flushed: (domain, iova, size) => {
        emission.sink.iotlbFlush(emission.moment(), domain.id, iova, size);
      },
    };
  }
}

function capabilitiesOf(tellsEveryAllocation: boolean): Capabilities {
  return {
    ...noCapabilities(),
    hasDomains: true,
    hasDomainLifetime: true,
    hasDevices: true,
    hasDmaApi: true,
    hasDriverLifecycle: true,
    hasUnbindEnd: true,
    hasPageAllocator: true,
    hasEveryAllocation: tellsEveryAllocation,
    hasStacks: true,
    hasPagePool: true,
    hasPoolLifetime: true,
    hasFlushes: true,
    hasFaults: true,
    hasKernelTables: true,
    hasTableUnlinks: true,
  };
}
