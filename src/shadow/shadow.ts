import type { DmaKind } from '../kernel/dma.ts';
import { type KernelEvents, PROT_UNKNOWN, type ScatterList, UNKNOWN } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import { silentEvents } from '../kernel/silent-events.ts';
import { FRAME_SIZE, frameOf, framesIn } from '../kernel/units.ts';
import type { PageAccounting } from './accounting.ts';
import type { ShadowChanges } from './changes.ts';
import { Devices } from './devices.ts';
import { DmaEntries } from './dma-entries.ts';
import { Domains } from './domains.ts';
import { Endings } from './endings.ts';
import { ExactAccounting } from './exact-accounting.ts';
import { FormerMappings } from './former-mappings.ts';
import { AMBIGUOUS, FoundTables } from './found-tables.ts';
import { IovaRuns } from './iova-runs.ts';
import { IovaTable } from './iova-table.ts';
import { KernelAccounting } from './kernel-accounting.ts';
import { KernelTables } from './kernel-tables.ts';
import { MappingKinds } from './mapping-kinds.ts';
import { Mappings } from './mappings.ts';
import { LARGEST_ORDER, PageHistory } from './page-history.ts';
import { Pools } from './pools.ts';
import { isLargeUnmap, type RecentCalls, recentCallsByContext } from './recent-calls.ts';

/** Pages of the largest believable map, 64 TiB: a size above that comes from a damaged trace and is passed over. */
const LARGEST_MAP = 2 ** 34;

export interface ShadowOptions {
  /** The kernel's page size in bytes. */
  readonly pageSize: number;
  readonly accounting: 'exact' | 'kernel';
  readonly changes: ShadowChanges;
}

/**
 * What the sanitizer believes about a kernel, from the events alone: which IOVA translates to which page, how many
 * mappings reach a page, who had it last, which driver is bound.
 *
 * The page tables are followed exactly in both accountings; these differ in how they count what reaches a page.
 */
export class Shadow implements KernelEvents {
  readonly mappings = new Mappings();
  readonly kinds = new MappingKinds();
  readonly former = new FormerMappings(this);
  readonly tables = new IovaTable();
  readonly pages = new PageHistory();
  readonly devices = new Devices();
  readonly domains = new Domains();
  /** What was mapped when the recording began. */
  readonly found = new FoundTables();
  readonly dma = new DmaEntries();
  readonly kernelTables = new KernelTables();
  readonly pools = new Pools();
  readonly recent = recentCallsByContext();
  readonly accounting: PageAccounting;
  readonly pageSize: number;
  /** Somebody listens to `ShadowChanges.mappingCut`: without that, only cuts of watched mappings are told. */
  tellsEveryCut = true;
  /** What is believed about the time before this may be out of date, because events were lost. */
  lostUntilNs = Number.NEGATIVE_INFINITY;
  /** Nothing is believed of slab objects: said so that a source need not decode them. */
  readonly slabAlloc = silentEvents.slabAlloc;
  readonly slabFree = silentEvents.slabFree;
  pagesAllocated = 0;
  pagesFreed = 0;

  /** The source has named the domain of a mapping. */
  namesDomains = false;
  private readonly changes: ShadowChanges;
  private readonly endings: Endings;
  private readonly scratch = new IovaRuns();

  constructor(options: ShadowOptions) {
    this.pageSize = options.pageSize;
    this.changes = options.changes;
    this.endings = new Endings(this, options.changes);
    const fault: ShadowChanges['countFault'] = (at, pfn, what) => options.changes.countFault(at, pfn, what);
    this.accounting =
      options.accounting === 'exact'
        ? new ExactAccounting(options.pageSize, fault)
        : new KernelAccounting(options.pageSize, (domain, page) => this.translate(domain, page), fault);
  }

  /** Whether every frame of every mapping is counted, as it is but for addresses that no IOMMU can map. */
  get countsAll(): boolean {
    return this.endings.countsAll;
  }

  /** Whether everything that is believed since `timeNs` was seen whole. */
  isCertainSince(timeNs: number): boolean {
    return timeNs >= this.lostUntilNs;
  }

  /** Whether nothing was lost since the source began: what was never seen did then not happen. */
  get isWhole(): boolean {
    return this.lostUntilNs === Number.NEGATIVE_INFINITY;
  }

  /**
   * Whether a mapping is surely still there. Not if an event since it was made is missing; nor if its domain is not
   * known where others are: then an unmap in its domain, or the end of it, takes another for meant.
   */
  isCertain(id: number): boolean {
    if (!this.isCertainSince(this.mappings.timeOf(id))) return false;
    return this.mappings.domain[id] !== UNKNOWN || !this.namesDomains;
  }

  /**
   * Whether the mapping is surely of the device that it is taken for. A domain may have been attached to another one
   * unseen, or be a driver's own: then only a call of the DMA API that names the device tells.
   */
  isOwnerCertain(id: number): boolean {
    if (this.isWhole) return true;
    const entry = this.dma.containing(this.deviceOf(id), (this.mappings.iovaPage[id] as number) * FRAME_SIZE);
    return entry !== 0 && !this.dma.isFormer(entry) && this.isCertainSince(this.dma.madeAt(entry).timeNs);
  }

  /**
   * The domain that an unmap concerns. Where the source did not name it, the one that has a mapping at the IOVA is
   * meant, if there is just one; where the mapping was made without a name, it is in the domain {@link UNKNOWN}; where
   * it was there when the recording began, in the page table that was found.
   */
  domainOf(domain: number, iova: number): number {
    const page = frameOf(iova);
    if (this.tables.get(domain, page) !== 0) return domain;
    if (domain !== UNKNOWN) return this.domainBeside(domain, page);
    let found = UNKNOWN;
    for (const candidate of this.tables.domains()) {
      if (this.tables.get(candidate, page) === 0) continue;
      if (found !== UNKNOWN) return UNKNOWN;
      found = candidate;
    }
    return found;
  }

  /** Frame that an IOVA page translates to, or -1. */
  translate(domain: number, iovaPage: number): number {
    const id = this.tables.get(domain, iovaPage);
    return id === 0 ? -1 : this.mappings.frameAt(id, iovaPage);
  }

  /** Whether a mapping was there when the recording began: its moment is when it was found. */
  wasFound(id: number): boolean {
    return this.found.isTable(this.mappings.domain[id] as number);
  }

  /** Device of a mapping: named by an event, or the only one of its domain. */
  deviceOf(id: number): number {
    return (
      (this.mappings.device[id] as number) || this.domains.soleDevice(this.mappings.domain[id] as number)
    );
  }

  /**
   * Calls `visit` for each run of IOVA pages through which a live mapping reaches the block. For findings only: it
   * looks at every mapping.
   */
  forEachReach(
    pfn: number,
    pages: number,
    visit: (id: number, iovaPage: number, pages: number) => void,
  ): void {
    const perPage = this.pageSize / FRAME_SIZE;
    const first = pfn * perPage;
    const frames = pages * perPage;
    this.mappings.forEachMeeting(first, frames, id => {
      const start = this.mappings.frame[id] as number;
      const from = Math.max(first, start);
      const to = Math.min(first + frames, start + (this.mappings.pages[id] as number));
      const runs = this.scratch;
      runs.reset();
      const iovaPage = (this.mappings.iovaPage[id] as number) + from - start;
      this.tables.collect(this.mappings.domain[id] as number, iovaPage, to - from, runs);
      for (let i = 0; i < runs.count; i++) {
        if (runs.id[i] === id) visit(id, runs.page[i] as number, runs.pages[i] as number);
      }
    });
  }

  iommuMap(at: Moment, domain: number, iova: number, phys: number, size: number, prot: number): void {
    this.kinds.begin(at.stack);
    const page = frameOf(iova);
    const pages = framesIn(iova, size);
    if (pages === 0 || pages > LARGEST_MAP) return;
    if (!this.found.isEmpty) this.mapOverFound(at, domain, page, pages);
    const spot = pages === 1 ? this.tables.freeSpot(domain, page) : -1;
    if (spot < 0 && !this.tables.isFree(domain, page, pages)) {
      this.changes.mapOver(at, domain, iova, phys, size);
      this.endings.remove(at, domain, page, pages);
    }
    const id = this.mappings.add(at, domain, page, frameOf(phys), pages, prot);
    if (spot < 0) this.tables.map(domain, page, pages, id);
    else this.tables.mapAt(spot, id);
    this.accounting.mapped(at, domain, phys, size);
    if (framesIn(phys, size) !== pages) this.endings.miscounted();
    if (domain !== UNKNOWN) this.namesDomains = true;
    const calls = this.recentCalls(at);
    if (calls.mapDevice !== UNKNOWN) {
      this.domains.attached(domain, calls.mapDevice);
      this.devices.translates(calls.mapDevice);
      this.attribute(id, calls.mapDevice);
      calls.mapDevice = UNKNOWN;
    } else {
      const device = this.domains.soleDevice(domain);
      if (device !== UNKNOWN) this.attribute(id, device);
    }
    calls.mapped(domain, iova, iova + size);
  }

  iommuUnmapBegin(at: Moment, domain: number, iova: number, size: number): void {
    const { accounting } = this;
    if (isLargeUnmap(size)) this.recent.of(at.context).begin(at, iova);
    if (accounting.countsAtBegin) accounting.unmapBegin(at, this.domainOf(domain, iova), iova, size);
  }

  iommuUnmapEnd(at: Moment, domain: number, iova: number, size: number, unmapped: number): void {
    const page = frameOf(iova);
    const pages = framesIn(iova, unmapped);
    const { found } = this;
    const isPlain = pages === 1 && domain !== UNKNOWN && found.isEmpty && !found.isReading;
    const id = isPlain ? this.tables.takePage(domain, page) : 0;
    const known = id !== 0 ? domain : this.domainOf(domain, iova);
    if (found.isReading) found.noteUnmapped(page, pages);
    if (!found.isEmpty) this.unmapFound(at, domain, page, pages);
    if (id !== 0) this.endings.end(at, id, page, 1);
    else if (domain === UNKNOWN) this.removeEverywhere(at, page, pages);
    else this.endings.remove(at, known, page, pages);
    this.accounting.unmapEnd(at, known, iova, size, unmapped);
    const calls = this.recentCalls(at);
    calls.unmapped(known, iova, iova + unmapped);
    if (isLargeUnmap(size)) calls.end();
  }

  iotlbFlush(): void {}

  ioPageFault(): void {}

  domainAlloc(_at: Moment, domain: number, device: number): void {
    this.domains.allocated(domain, device);
  }

  domainAttach(_at: Moment, domain: number, device: number): void {
    this.domains.attached(domain, device);
    this.devices.translates(device);
  }

  domainFree(at: Moment, domain: number): void {
    this.endings.removeDomain(at, domain);
    if (!this.found.isEmpty) this.dropFound(at, domain);
    this.domains.freed(domain);
  }

  pageAlloc(at: Moment, pfn: number, order: number): void {
    if (order > LARGEST_ORDER) return;
    const pages = 2 ** order;
    this.accounting.checked(at, pfn, pages);
    this.pages.pageAlloc(at, pfn, order);
    this.kernelTables.pagesGone(pfn, pages);
    this.pagesAllocated += pages;
  }

  pageFree(at: Moment, pfn: number, order: number): void {
    if (order > LARGEST_ORDER) return;
    const pages = 2 ** order;
    this.accounting.checked(at, pfn, pages);
    this.pages.pageFree(at, pfn, order);
    this.kernelTables.pagesGone(pfn, pages);
    this.pagesFreed += pages;
  }

  dmaMapBegin(at: Moment, device: number): void {
    this.recentCalls(at).mapDevice = device;
  }

  dmaMap(
    at: Moment,
    kind: DmaKind,
    device: number,
    dmaAddr: number,
    size: number,
    phys: number,
    direction: number,
    attrs: number,
  ): void {
    const { generation } = this.devices.mapped(device);
    if (this.wasJustMapped(at, dmaAddr, size)) this.learn(at, device, dmaAddr, size);
    this.dma.add(at, kind, device, dmaAddr, size, phys, direction, attrs, generation);
  }

  dmaUnmap(
    at: Moment,
    kind: DmaKind,
    device: number,
    dmaAddr: number,
    size: number,
    direction: number,
    _attrs: number,
  ): void {
    const entry = this.dma.find(device, dmaAddr, size, kind, direction);
    if (entry !== 0) this.dma.undo(at, entry);
    if (kind !== 'single') return;
    this.recent.of(at.context).forgetUnmap();
  }

  dmaMapSg(at: Moment, device: number, list: ScatterList, direction: number, attrs: number): void {
    const { generation } = this.devices.mapped(device);
    let first = 0;
    let last = 0;
    let mapped = false;
    for (let i = 0; i < list.ents && !mapped; i++) {
      mapped = this.wasJustMapped(at, list.dmaAddr[i] as number, list.length[i] as number);
    }
    for (let i = 0; i < list.ents; i++) {
      const address = list.dmaAddr[i] as number;
      const length = list.length[i] as number;
      if (mapped) this.learn(at, device, address, length);
      const phys = i === 0 && list.nents > 0 ? (list.phys[0] as number) : -1;
      const entry = this.dma.add(at, 'sg', device, address, length, phys, direction, attrs, generation);
      if (first === 0) first = entry;
      else this.dma.chain(first, last, entry);
      last = entry;
    }
    if (first !== 0 && list.nents > 0) this.dma.addList(first, list.fullNents);
  }

  dmaUnmapSg(at: Moment, device: number, list: ScatterList, direction: number, _attrs: number): void {
    const entry = this.listOf(device, list, direction);
    if (entry !== 0) this.dma.undo(at, entry);
  }

  /** The live entry of the scatterlist that an unmap names, or 0. */
  listOf(device: number, list: ScatterList, direction: number): number {
    if (list.nents === 0) return 0;
    return this.dma.findList(device, list.phys[0] as number, list.fullNents, direction);
  }

  dmaSync(): void {}

  stateBegin(): void {
    this.found.begin();
  }

  mappingFound(at: Moment, table: number, device: number, iova: number, phys: number, size: number): void {
    const page = frameOf(iova);
    const pages = framesIn(iova, size);
    if (pages === 0 || pages > LARGEST_MAP) return;
    this.found.add(table, device);
    for (const part of this.found.stillAsRead(table, { page, pages }, this.tables, this.domains)) {
      const frame = frameOf(phys) + part.page - page;
      const id = this.mappings.add(at, table, part.page, frame, part.pages, PROT_UNKNOWN);
      // Nobody was seen to make it.
      this.mappings.made--;
      this.tables.map(table, part.page, part.pages, id);
      this.accounting.mapped(at, table, frame * FRAME_SIZE, part.pages * FRAME_SIZE);
      if (device !== UNKNOWN) this.attribute(id, device);
    }
  }

  stateEnd(): void {
    this.found.end();
  }

  driverFound(_at: Moment, device: number, driver: number): void {
    this.devices.found(device, driver);
  }

  driverProbe(_at: Moment, device: number, driver: number): void {
    this.devices.probe(device, driver);
  }

  driverCleanup(at: Moment, device: number): void {
    this.devices.cleanup(at, device);
  }

  driverUnbound(at: Moment, device: number): void {
    this.devices.unbound(at, device);
  }

  poolCreate(_at: Moment, pool: number, device: number): void {
    this.pools.create(pool, device);
  }

  poolHold(at: Moment, pool: number, pfn: number, count: number): void {
    this.pools.hold(at, pool, pfn, count, this.deviceJustMappedFor(at, pfn));
  }

  poolRelease(_at: Moment, pool: number, pfn: number, count: number): void {
    this.pools.release(pool, pfn, count);
  }

  poolShutdown(at: Moment, pool: number, inflight: number): void {
    this.pools.shutdown(at, pool, inflight);
  }

  poolDestroy(at: Moment, pool: number): void {
    this.pools.destroy(at, pool);
  }

  svaBind(at: Moment, device: number, mm: number): void {
    this.kernelTables.bind(at, device, mm);
  }

  svaUnbind(_at: Moment, device: number, mm: number): void {
    this.kernelTables.unbind(device, mm);
  }

  kernelTableUnlink(at: Moment, pfn: number): void {
    // Of a page that is free already, its next owner has nothing to fear that was not told then.
    if (this.pages.state(pfn) !== 'free') this.kernelTables.unlink(at, pfn);
  }

  kernelTableFree(at: Moment, pfn: number): void {
    this.kernelTables.giveUp(at, pfn);
  }

  svaInvalidateBegin(at: Moment): void {
    this.kernelTables.invalidateBegin(at);
  }

  svaInvalidateEnd(at: Moment): void {
    this.kernelTables.invalidateEnd(at);
  }

  eventsLost(_cpu: number, _count: number, _sinceNs: number, untilNs: number): void {
    if (untilNs > this.lostUntilNs) this.lostUntilNs = untilNs;
  }

  /** The last calls of a thread of execution, but for what it did before a loss that is over. */
  recentCalls(at: Readonly<Moment>): RecentCalls {
    const calls = this.recent.of(at.context);
    if (calls.lastNs < this.lostUntilNs && this.lostUntilNs <= at.timeNs) calls.forget();
    calls.lastNs = at.timeNs;
    return calls;
  }

  /** A DMA API event follows the map that it made, in the same context. Of a scatterlist this is the last of many. */
  private wasJustMapped(at: Moment, dmaAddr: number, size: number): boolean {
    const calls = this.recentCalls(at);
    const end = Math.ceil((dmaAddr + size) / FRAME_SIZE) * FRAME_SIZE;
    return calls.mapIova < end && calls.mapEnd > dmaAddr;
  }

  /** The device that this thread of execution has just mapped the page for, as a page_pool does before it holds one. */
  private deviceJustMappedFor(at: Moment, pfn: number): number {
    const { mapDomain, mapIova } = this.recentCalls(at);
    const id = mapIova < 0 ? 0 : this.tables.get(mapDomain, frameOf(mapIova));
    const first = Math.floor(((this.mappings.frame[id] as number) * FRAME_SIZE) / this.pageSize);
    return id !== 0 && first === pfn ? this.deviceOf(id) : UNKNOWN;
  }

  /** The map and the DMA API event behind it name each other's owner. */
  private learn(at: Moment, device: number, dmaAddr: number, size: number): void {
    const domain = this.recent.of(at.context).mapDomain;
    const page = frameOf(dmaAddr);
    const pages = framesIn(dmaAddr, size);
    if (this.isAttributed(domain, page, pages, device)) return;
    this.domains.attached(domain, device);
    this.devices.translates(device);
    this.scratch.reset();
    this.tables.collect(domain, page, pages, this.scratch);
    for (let i = 0; i < this.scratch.count; i++) this.attribute(this.scratch.id[i] as number, device);
  }

  /** Whether the range is one mapping that is known to be the device's: so it is once a domain has shown its device. */
  private isAttributed(domain: number, page: number, pages: number, device: number): boolean {
    const { mappings } = this;
    const id = this.tables.get(domain, page);
    if (id === 0 || mappings.device[id] !== device || !this.devices.get(device).translated) return false;
    return page + pages <= (mappings.iovaPage[id] as number) + (mappings.pages[id] as number);
  }

  /** Where a mapping may be that the domain does not have under its own name. */
  private domainBeside(domain: number, page: number): number {
    if (this.tables.get(UNKNOWN, page) !== 0) return UNKNOWN;
    if (this.found.isEmpty) return domain;
    const table = this.found.tableOf(domain, page, this.tables, this.domains);
    return table > 0 && this.tables.get(table, page) !== 0 ? table : domain;
  }

  /** What the kernel maps was free: the domain's table that was found has lost it unseen. */
  private mapOverFound(at: Moment, domain: number, page: number, pages: number): void {
    const table = this.found.knownTableOf(domain, this.domains);
    if (table === UNKNOWN) return;
    this.found.associate(table, domain);
    this.endings.remove(at, table, page, pages);
  }

  /**
   * An unmap also concerns what was found of the domain. Where several tables come into question the range is forgotten in
   * all: see {@link removeEverywhere}.
   */
  private unmapFound(at: Moment, domain: number, page: number, pages: number): void {
    if (domain === UNKNOWN || pages === 0) return;
    const { found } = this;
    // What the domain has under its own name says nothing of other tables.
    const isOwn = this.tables.get(domain, page) !== 0 || this.tables.get(UNKNOWN, page) !== 0;
    const table = isOwn
      ? found.knownTableOf(domain, this.domains)
      : found.tableOf(domain, page, this.tables, this.domains);
    if (table === AMBIGUOUS) {
      for (const candidate of [...found.candidates(domain, this.domains)])
        this.endings.remove(at, candidate, page, pages);
    } else if (table !== UNKNOWN) {
      found.associate(table, domain);
      this.endings.remove(at, table, page, pages);
    }
  }

  /** The end of a domain is that of its table; of one whose table is not known, it may be that of any. */
  private dropFound(at: Moment, domain: number): void {
    const { found } = this;
    const known = found.knownTableOf(domain, this.domains);
    for (const table of known === UNKNOWN ? [...found.candidates(domain, this.domains)] : [known]) {
      this.endings.removeDomain(at, table);
      found.forget(table);
    }
  }

  private attribute(id: number, device: number): void {
    this.mappings.device[id] = device;
    this.mappings.generation[id] = this.devices.mapped(device).generation;
  }

  /**
   * An unmap that names no domain may be of any domain that has mappings there. To believe in a mapping that is gone
   * would accuse whoever frees its page: where several domains come into question, the range is forgotten in all.
   */
  private removeEverywhere(at: Moment, page: number, pages: number): void {
    for (const domain of this.tables.domains()) this.endings.remove(at, domain, page, pages);
  }
}
