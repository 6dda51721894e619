import { hex } from '../../kernel/units.ts';
import type { Device } from '../device/device.ts';
import type { DmaResult } from '../device/dma-engine.ts';
import { errnoName } from '../errno.ts';
import type { DomainType, IommuDomain } from '../iommu/domain.ts';
import type { Machine } from '../machine.ts';
import { MachineError } from '../machine-error.ts';
import { newGather } from '../page-tables/iotlb-gather.ts';
import type { Kernel, Thread } from '../threads/thread.ts';
import { type NamedPages, runsText } from './named-pages.ts';
import { reachOf, type UsedRange } from './reach.ts';

/** `fq_timer` of drivers/iommu/dma-iommu.c. */
const FLUSH_QUEUE_NS = 10e6;

/** One line of the story. */
export interface Step {
  readonly operation: string;
  readonly returned: string;
  /** Counters of the sanitizer that are not 0, by the names of pages. */
  readonly refs: string;
  /** What the kernel has printed meanwhile. */
  readonly printed: readonly string[];
  /** What each device could reach afterwards. */
  readonly reach: readonly string[];
}

/** A counter that is not what the scenario said. */
export interface Surprise {
  readonly step: number;
  readonly page: string;
  readonly expected: string;
  readonly actual: string;
}

/** A domain of a scenario and the device that translates through it. */
export interface StageDomain {
  readonly domain: IommuDomain;
  readonly device: Device;
}

/**
 * Where a scenario plays: each call does one thing on the machine and writes down what came of it. Whatever is not here
 * is done on {@link machine} itself.
 */
export class Stage {
  readonly machine: Machine;
  readonly steps: Step[] = [];
  readonly surprises: Surprise[] = [];
  readonly named: NamedPages[] = [];
  private readonly devices: Device[] = [];
  private readonly ranges: UsedRange[] = [];
  private printed = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** A page of the driver's. */
  page(name: string): NamedPages {
    return this.block(name, 0);
  }

  /** `2^order` pages of the driver's. */
  block(name: string, order: number): NamedPages {
    const pfn = this.within('edu_alloc[edu]', () => this.machine.allocPages(order, { owner: 'driver' }));
    if (pfn < 0) throw new MachineError(`there is no memory for ${name}`);
    const pages = this.name(name, pfn, 2 ** order);
    this.tell(`alloc_pages(${order === 0 ? '' : `order ${order}`})`, name);
    return pages;
  }

  /** Memory that is there without being allocated: device memory, a hole, the beginning of memory. */
  existing(name: string, phys: number, sizeBytes: number): NamedPages {
    return this.name(name, phys / this.machine.memory.pageSize, sizeBytes / this.machine.memory.pageSize);
  }

  /** Makes single pages of a block, with a name each. */
  split(block: NamedPages, ...names: readonly string[]): NamedPages[] {
    this.machine.allocator.split(block.pfn);
    this.named.splice(this.named.indexOf(block), 1);
    const pages = names.map((name, at) => this.name(name, block.pfn + at, 1));
    this.tell(`split_page(${block.name})`, names.join(', '));
    return pages;
  }

  /** Frees memory as it was allocated. */
  free(pages: NamedPages): void {
    this.within('edu_free[edu]', () => this.machine.freePages(pages.pfn, Math.log2(pages.pages)));
    this.tell(`free_pages(${pages.name})`);
  }

  /** Splits a block and frees its pages one by one. */
  freeEach(block: NamedPages): void {
    this.machine.allocator.split(block.pfn);
    this.within('edu_free[edu]', () => {
      for (let pfn = block.pfn; pfn < block.pfn + block.pages; pfn++) this.machine.freePages(pfn);
    });
    this.tell(`free_page() of each page of ${block.name}`);
  }

  /** Somebody else is handed out the page that was freed last. */
  reuse(pages: NamedPages, owner = 'victim'): void {
    const order = Math.log2(pages.pages);
    const pfn = this.within(`${owner}_alloc`, () => this.machine.allocPages(order, { owner }));
    if (pfn !== pages.pfn) throw new MachineError(`page ${pfn} was handed out in the place of ${pages.name}`);
    this.tell(`alloc_pages() by ${owner}`, pages.name);
  }

  /** A domain with a device of its own. */
  domain(name: string, type: DomainType = 'unmanaged'): StageDomain {
    const device = this.machine.device(`dev-${name.toLowerCase()}`);
    const domain = this.machine.domainAlloc(name, type, device);
    this.machine.domains.attach(device, domain);
    this.devices.push(device);
    return { domain, device };
  }

  /** `iommu_map()` of named memory from its beginning, or of a physical address. */
  map(to: StageDomain, iova: number, what: NamedPages | number, size?: number): number {
    const phys = typeof what === 'number' ? what : what.phys;
    const bytes = size ?? (typeof what === 'number' ? this.machine.memory.pageSize : what.sizeBytes);
    const name = typeof what === 'number' ? hex(what) : what.name;
    const result = this.machine.call(
      this.driver(this.machine.iommuMap(to.domain, iova, phys, bytes), 'edu_map[edu]'),
    );
    this.used(to.domain, iova, bytes);
    this.tell(`iommu_map(${to.domain.name}, ${hex(iova)}, ${name}, ${sizeText(bytes)})`, errnoName(result));
    return result;
  }

  /** `iommu_unmap()`; on a lazy machine queued, and flushed 10 ms later. */
  unmap(from: StageDomain, iova: number, size: number): number {
    const { machine } = this;
    const unmap = machine.isLazy
      ? machine.iommuUnmapFast(from.domain, iova, size, newGather(true))
      : machine.iommuUnmap(from.domain, iova, size);
    const unmapped = machine.call(this.driver(unmap, 'edu_unmap[edu]'));
    if (machine.isLazy) machine.timers.after(FLUSH_QUEUE_NS, () => machine.iommu.unit.flushAll(from.domain));
    this.tell(`iommu_unmap(${from.domain.name}, ${hex(iova)}, ${sizeText(size)})`, sizeText(unmapped));
    return unmapped;
  }

  /** The device writes one word. */
  write(by: { readonly device: Device }, iova: number): DmaResult {
    const result = this.machine.dmaWrite(by.device, iova, 4);
    const reached = result.pages.map(pfn => this.pageName(pfn)).join(', ');
    this.tell(
      `${by.device.name} writes ${hex(iova)}`,
      result.fault ? `fault: ${result.fault}` : `reaches ${reached}`,
    );
    return result;
  }

  detach(which: StageDomain): void {
    this.machine.domains.detach(which.device);
    this.tell(`iommu_detach_device(${which.domain.name}, ${which.device.name})`);
  }

  freeDomain(which: StageDomain): void {
    this.machine.domains.free(which.domain);
    this.tell(`iommu_domain_free(${which.domain.name})`);
  }

  /** Starts a thread that stops where it can be interrupted; {@link Stage.runTo} and {@link Stage.finish} let it run. */
  thread<T>(name: string, body: Kernel<T>, cpu = 1): Thread<T> {
    return this.machine.spawn(name, this.driver(body, `${name}[edu]`), { cpu });
  }

  runTo(thread: Thread, place: string): void {
    this.machine.scheduler.stepTo(thread, place);
    this.tell(`${thread.name} runs to "${place}"`);
  }

  finish<T>(thread: Thread<T>): T {
    const result = this.machine.scheduler.finish(thread);
    this.tell(`${thread.name} runs to its end`, typeof result === 'number' ? errnoName(result) : '');
    return result;
  }

  /** Says what the counters must be now, with the sanitizer as merged: `{ block: '0, 511 × 1' }`. */
  refs(expected: Readonly<Record<string, string>>): void {
    for (const [page, text] of Object.entries(expected)) {
      const actual = this.refsOf(page);
      if (actual !== text) this.surprises.push({ step: this.steps.length, page, expected: text, actual });
    }
  }

  /** Counters of named memory, in the words of {@link refs}. */
  refsOf(name: string): string {
    const pages = this.named.find(known => known.name === name);
    if (!pages) throw new MachineError(`no pages are called ${name}`);
    const { sanitizer } = this.machine;
    return sanitizer ? runsText([...sanitizer.refs.subarray(pages.pfn, pages.pfn + pages.pages)]) : '0';
  }

  /** Writes a line of the story of something that was done on {@link machine} itself. */
  tell(operation: string, returned = ''): void {
    const { lines } = this.machine.log;
    const printed = lines.slice(this.printed).map(({ level, text }) => `${level}: ${text}`);
    this.printed = lines.length;
    const refs = this.named
      .map(({ name }) => [name, this.refsOf(name)] as const)
      .filter(([, text]) => text !== '0' && text !== '')
      .map(([name, text]) => `${name}: ${text}`)
      .join('; ');
    const reach = reachOf(this.machine, this.devices, this.ranges, this.named);
    this.steps.push({ operation, returned, refs, printed, reach });
  }

  /** Remembers that a range is in use, so that the story can say what a device reaches through it. */
  used(domain: IommuDomain, iova: number, size: number): void {
    this.ranges.push({ domain, iova, size });
  }

  /** A device that a scenario has given a domain itself. */
  watch(device: Device): void {
    this.devices.push(device);
  }

  /** Gives pages a name that were allocated elsewhere. */
  name(name: string, pfn: number, pages: number): NamedPages {
    const { pageSize } = this.machine.memory;
    const named = { name, pfn, pages, phys: pfn * pageSize, sizeBytes: pages * pageSize };
    this.named.push(named);
    return named;
  }

  /** Does something as a function of the kernel, for the stacks of its events. */
  private within<T>(name: string, action: () => T): T {
    const { emission, names } = this.machine;
    const caller = emission.enter(names.stacks.symbol(name));
    const result = action();
    emission.leave(caller);
    return result;
  }

  private driver<T>(body: Kernel<T>, name: string): Kernel<T> {
    return this.machine.inside(name, body);
  }

  private pageName(pfn: number): string {
    const pages = this.named.find(known => pfn >= known.pfn && pfn < known.pfn + known.pages);
    if (!pages) return `page ${hex(pfn)}`;
    return pages.pages === 1 ? pages.name : `${pages.name}[${pfn - pages.pfn}]`;
  }
}

/** `4 KiB`, `2 MiB`, `0x800`. */
export function sizeText(bytes: number): string {
  if (bytes === 0) return '0';
  for (const [unit, name] of [
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ] as const) {
    if (bytes % unit === 0) return `${bytes / unit} ${name}`;
  }
  return hex(bytes);
}
