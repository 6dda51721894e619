import { expect } from 'vitest';
import { DEFAULT_CHECKS } from '../../src/checks/all-checks.ts';
import type { CheckDefinition } from '../../src/checks/check.ts';
import { Judge } from '../../src/checks/judge.ts';
import type { AccountingMode } from '../../src/findings/check-report.ts';
import type { Finding, StoryRole } from '../../src/findings/finding.ts';
import type { DmaKind } from '../../src/kernel/dma.ts';
import { PROT_UNKNOWN, type ScatterList } from '../../src/kernel/events.ts';
import { executionContext, type Moment, newMoment } from '../../src/kernel/moment.ts';
import type { Capabilities, EventLocation, SourceNames, StackFrame } from '../../src/kernel/source.ts';
import type { Shadow } from '../../src/shadow/shadow.ts';
import { RECORDED } from './capabilities.ts';

/** Nanoseconds from one event of a script to the next. */
export const TICK_NS = 1000;

/** DMA directions, as `enum dma_data_direction` numbers them. */
export const BIDIRECTIONAL = 0;
export const TO_DEVICE = 1;
export const FROM_DEVICE = 2;

export interface KernelScriptOptions {
  readonly accounting?: AccountingMode;
  /** Default 4096. */
  readonly pageSize?: number;
  /** Default all that are on by default. */
  readonly checks?: readonly CheckDefinition[];
  /** What the source shows; default all that a recording can. */
  readonly capabilities?: Partial<Capabilities>;
  /** Default 0. */
  readonly reorderWindowNs?: number;
}

export interface DmaOptions {
  /** Default `single`. */
  readonly kind?: DmaKind;
  /** Default {@link BIDIRECTIONAL}. */
  readonly direction?: number;
  /** `1 << bit` of each `DMA_ATTR_*`; default none. */
  readonly attrs?: number;
  /** The domain that the device translates through; default one of its own, `domain of <device>`. */
  readonly domain?: string;
  /** No IOMMU translates for the device: there is only the event of the DMA API. */
  readonly direct?: boolean;
}

/** Where the kernel's half of the address space begins. */
const KERNEL_HALF = 0xff11_0000 * 2 ** 32;

/** Entries of a scatterlist that an event holds; the rest is cut (include/trace/events/dma.h). */
const RECORDED_ENTRIES = 128;

/** One entry of a scatterlist and the DMA segment that it became. */
export interface Segment {
  readonly dmaAddr: number;
  readonly phys: number;
  readonly size: number;
}

/**
 * A kernel that does what a test says, one line for each thing, and a judge that watches it. Domains, devices,
 * drivers and tasks are named by their names; the empty name is one that the source does not know. Every event ends
 * one tick after the one before.
 */
export class KernelScript {
  readonly judge: Judge;
  /** Reused for every event, as a real source does: who keeps it without a copy is found out. */
  private readonly at: Moment = newMoment();
  readonly names = new ScriptNames();
  private pid = 0;
  private cpu = 0;
  private stack = 0;
  private flags = 0;

  constructor(options: KernelScriptOptions = {}) {
    this.judge = new Judge({
      names: this.names,
      capabilities: { ...RECORDED, ...options.capabilities },
      pageSize: options.pageSize ?? 4096,
      accounting: options.accounting ?? 'exact',
      reorderWindowNs: options.reorderWindowNs ?? 0,
      checks: options.checks ?? DEFAULT_CHECKS,
    });
    this.as('swapper');
  }

  get shadow(): Shadow {
    return this.judge.shadow;
  }

  /** Time of the last event. */
  get now(): number {
    return this.at.timeNs;
  }

  /** Events that follow are of this task (or of an interrupt in it) on this CPU. */
  as(task: string, cpu = this.cpu, context: 'task' | 'softirq' = 'task'): this {
    this.pid = this.names.tasks.id(task);
    this.cpu = cpu;
    this.flags = context === 'softirq' ? 0x10 : 0;
    return this;
  }

  /** Events that follow have this stack, innermost function first; `dma_map_page_attrs`, `e1000_open[e1000e]`. */
  withStack(symbols: readonly string[]): this {
    this.stack = this.names.stacks.id(symbols.join('\n'));
    return this;
  }

  /** Time passes. */
  wait(ns: number): this {
    this.at.timeNs += ns;
    return this;
  }

  /** Ids that the judge knows things by, to look into its shadow. */
  domain(name: string): number {
    return this.names.domains.id(name);
  }

  device(name: string): number {
    return this.names.devices.id(name);
  }

  driver(name: string): number {
    return this.names.drivers.id(name);
  }

  map(domain: string, iova: number, phys: number, size: number, prot = PROT_UNKNOWN): this {
    this.judge.events.iommuMap(this.tick(), this.domain(domain), iova, phys, size, prot);
    return this;
  }

  unmap(domain: string, iova: number, size: number, unmapped = size): this {
    return this.unmapBegin(domain, iova, size).unmapEnd(domain, iova, size, unmapped);
  }

  unmapBegin(domain: string, iova: number, size: number): this {
    this.judge.events.iommuUnmapBegin(this.tick(), this.domain(domain), iova, size);
    return this;
  }

  unmapEnd(domain: string, iova: number, size: number, unmapped = size): this {
    this.judge.events.iommuUnmapEnd(this.tick(), this.domain(domain), iova, size, unmapped);
    return this;
  }

  /** The state that the recording found is read; `during` is what happens meanwhile. */
  reading(during: () => void): this {
    this.judge.events.stateBegin(this.tick());
    during();
    this.judge.events.stateEnd(this.tick());
    return this;
  }

  /** A mapping that was there, in a table of a device (or of several: `''`). */
  found(table: string, device: string, iova: number, phys: number, size = 4096): this {
    this.judge.events.mappingFound(this.tick(), this.domain(table), this.device(device), iova, phys, size);
    return this;
  }

  domainAlloc(domain: string, device: string): this {
    this.judge.events.domainAlloc(this.tick(), this.domain(domain), this.device(device));
    return this;
  }

  domainAttach(domain: string, device: string): this {
    this.judge.events.domainAttach(this.tick(), this.domain(domain), this.device(device));
    return this;
  }

  domainFree(domain: string): this {
    this.judge.events.domainFree(this.tick(), this.domain(domain));
    return this;
  }

  alloc(pfn: number, order = 0): this {
    this.judge.events.pageAlloc(this.tick(), pfn, order);
    return this;
  }

  free(pfn: number, order = 0): this {
    this.judge.events.pageFree(this.tick(), pfn, order);
    return this;
  }

  /** The probe at the entry of a DMA API call, where one is recorded. */
  dmaMapBegin(device: string): this {
    this.judge.events.dmaMapBegin(this.tick(), this.device(device));
    return this;
  }

  /** A map through the DMA API: the IOMMU maps whole pages, then the DMA API tells of the bytes. */
  dmaMap(device: string, dmaAddr: number, phys: number, size: number, options: DmaOptions = {}): this {
    if (!options.direct) {
      const offset = dmaAddr % 4096;
      this.map(options.domain ?? domainOf(device), dmaAddr - offset, phys - offset, roundUp(offset + size));
    }
    return this.dmaMapEvent(device, dmaAddr, phys, size, options);
  }

  /** Only the event of the DMA API, as for memory that the IOMMU had mapped before. */
  dmaMapEvent(device: string, dmaAddr: number, phys: number, size: number, options: DmaOptions = {}): this {
    const { kind = 'single', direction = BIDIRECTIONAL, attrs = 0 } = options;
    const id = this.device(device);
    this.judge.events.dmaMap(this.tick(), kind, id, dmaAddr, size, phys, direction, attrs);
    return this;
  }

  /** An unmap through the DMA API: a single mapping leaves the IOMMU before the event tells, others after. */
  dmaUnmap(device: string, dmaAddr: number, size: number, options: DmaOptions = {}): this {
    const offset = dmaAddr % 4096;
    const first = (options.kind ?? 'single') === 'single';
    const unmap = (): void => {
      this.unmap(options.domain ?? domainOf(device), dmaAddr - offset, roundUp(offset + size));
    };
    if (!options.direct && first) unmap();
    this.dmaUnmapEvent(device, dmaAddr, size, options);
    if (!options.direct && !first) unmap();
    return this;
  }

  /** Only the event of the DMA API, as for an unmap at which the IOMMU found nothing. */
  dmaUnmapEvent(device: string, dmaAddr: number, size: number, options: DmaOptions = {}): this {
    const { kind = 'single', direction = BIDIRECTIONAL, attrs = 0 } = options;
    const id = this.device(device);
    this.judge.events.dmaUnmap(this.tick(), kind, id, dmaAddr, size, direction, attrs);
    return this;
  }

  /** A scatterlist, one DMA segment for each entry. */
  dmaMapSg(device: string, segments: readonly Segment[], options: DmaOptions = {}): this {
    const { direction = BIDIRECTIONAL, attrs = 0 } = options;
    const domain = options.domain ?? domainOf(device);
    if (!options.direct) {
      for (const { dmaAddr, phys, size } of segments) this.map(domain, dmaAddr, phys, roundUp(size));
    }
    this.judge.events.dmaMapSg(this.tick(), this.device(device), listOf(segments), direction, attrs);
    return this;
  }

  /** `dma_unmap_sg()` with these entries: the event knows their physical addresses only. */
  dmaUnmapSg(device: string, segments: readonly Segment[], options: DmaOptions = {}): this {
    const { direction = BIDIRECTIONAL, attrs = 0 } = options;
    const domain = options.domain ?? domainOf(device);
    const recorded = listOf(segments);
    const list = { ...recorded, fullNents: recorded.nents, ents: 0, fullEnts: 0 };
    this.judge.events.dmaUnmapSg(this.tick(), this.device(device), list, direction, attrs);
    if (!options.direct) for (const { dmaAddr, size } of segments) this.unmap(domain, dmaAddr, roundUp(size));
    return this;
  }

  sync(device: string, dmaAddr: number, size: number, direction = BIDIRECTIONAL): this {
    this.judge.events.dmaSync(this.tick(), this.device(device), dmaAddr, size, direction);
    return this;
  }

  probe(device: string, driver: string): this {
    this.judge.events.driverProbe(this.tick(), this.device(device), this.driver(driver));
    return this;
  }

  cleanup(device: string): this {
    this.judge.events.driverCleanup(this.tick(), this.device(device));
    return this;
  }

  unbound(device: string): this {
    this.judge.events.driverUnbound(this.tick(), this.device(device));
    return this;
  }

  /** `remove()` is over, devres releases (`released`), the unbind ends. */
  unbind(device: string, released: () => void = () => undefined): this {
    this.cleanup(device);
    released();
    return this.unbound(device);
  }

  /** A flush of the IOTLB; without a range, of everything. */
  flush(domain: string, iova = 0, size = Number.POSITIVE_INFINITY): this {
    this.judge.events.iotlbFlush(this.tick(), this.domain(domain), iova, size);
    return this;
  }

  /** The IOMMU refuses an access. */
  fault(device: string, iova: number, isWrite: -1 | 0 | 1 = 1, slackNs = 0): this {
    this.judge.events.ioPageFault(this.tick(), this.device(device), iova, isWrite, slackNs);
    return this;
  }

  pool(name: string): number {
    return this.names.pools.id(name);
  }

  poolCreate(pool: string, device: string): this {
    this.judge.events.poolCreate(this.tick(), this.pool(pool), this.device(device));
    return this;
  }

  /** A page_pool takes a page: it maps it, then holds it as its `count`th. */
  poolTake(pool: string, device: string, dmaAddr: number, pfn: number, count: number): this {
    const pageSize = this.shadow.pageSize;
    this.dmaMap(device, dmaAddr, pfn * pageSize, pageSize, { direction: FROM_DEVICE });
    return this.poolHold(pool, pfn, count);
  }

  poolHold(pool: string, pfn: number, count: number): this {
    this.judge.events.poolHold(this.tick(), this.pool(pool), pfn, count);
    return this;
  }

  poolRelease(pool: string, pfn: number, count: number): this {
    this.judge.events.poolRelease(this.tick(), this.pool(pool), pfn, count);
    return this;
  }

  poolShutdown(pool: string, inflight: number): this {
    this.judge.events.poolShutdown(this.tick(), this.pool(pool), inflight);
    return this;
  }

  poolDestroy(pool: string): this {
    this.judge.events.poolDestroy(this.tick(), this.pool(pool));
    return this;
  }

  /** The slab allocator hands out an object, to a caller named as a stack of one function. */
  slabAlloc(phys: number, size: number, caller = 'kmalloc'): this {
    this.judge.events.slabAlloc(this.tick(), phys, size, this.names.stacks.id(caller));
    return this;
  }

  slabFree(phys: number): this {
    this.judge.events.slabFree(this.tick(), phys);
    return this;
  }

  svaBind(device: string, mm: number): this {
    this.judge.events.svaBind(this.tick(), this.device(device), mm);
    return this;
  }

  svaUnbind(device: string, mm: number): this {
    this.judge.events.svaUnbind(this.tick(), this.device(device), mm);
    return this;
  }

  tableUnlink(pfn: number): this {
    this.judge.events.kernelTableUnlink(this.tick(), pfn);
    return this;
  }

  tableFree(pfn: number): this {
    this.judge.events.kernelTableFree(this.tick(), pfn);
    return this;
  }

  svaInvalidateBegin(): this {
    this.judge.events.svaInvalidateBegin(this.tick(), KERNEL_HALF, Number.POSITIVE_INFINITY);
    return this;
  }

  svaInvalidateEnd(): this {
    this.judge.events.svaInvalidateEnd(this.tick(), KERNEL_HALF, Number.POSITIVE_INFINITY);
    return this;
  }

  lost(cpu: number, count: number, sinceNs: number, untilNs: number): this {
    this.judge.events.eventsLost(cpu, count, sinceNs, untilNs);
    return this;
  }

  /** Events were lost up to now: nothing that was seen so far is sure to be still so. */
  lose(): this {
    const sinceNs = this.now;
    return this.wait(TICK_NS).lost(this.cpu, 1, sinceNs, this.now);
  }

  /** The verdict; the trace ends with the last event. */
  finish(): Finding[] {
    return this.judge.finish(this.now);
  }

  /** The rules of the verdict. */
  rules(): string[] {
    return this.finish().map(finding => finding.rule);
  }

  /** The verdict where it is one finding: of this rule, if one is named. */
  sole(rule?: string): Finding {
    const findings = this.finish();
    expect(findings.map(finding => finding.rule)).toEqual([rule ?? expect.any(String)]);
    return findings[0] as Finding;
  }

  private tick(): Moment {
    const { at } = this;
    at.timeNs += TICK_NS;
    at.cpu = this.cpu;
    at.pid = this.pid;
    at.context = executionContext(this.pid, this.cpu, this.flags);
    at.stack = this.stack;
    at.position++;
    return at;
  }
}

/** What a story tells, in its order. */
export function roles(finding: Finding): StoryRole[] {
  return finding.story.map(event => event.role);
}

function domainOf(device: string): string {
  return `domain of ${device}`;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096;
}

function listOf(segments: readonly Segment[]): ScatterList {
  return {
    phys: Float64Array.from(segments, ({ phys }) => phys),
    nents: Math.min(segments.length, RECORDED_ENTRIES),
    fullNents: segments.length,
    dmaAddr: Float64Array.from(segments, ({ dmaAddr }) => dmaAddr),
    length: Float64Array.from(segments, ({ size }) => size),
    ents: Math.min(segments.length, RECORDED_ENTRIES),
    fullEnts: segments.length,
  };
}

/** Names and the small integers that stand for them; 0 is the empty name. */
class NameList {
  private readonly list = [''];

  id(name: string): number {
    const known = this.list.indexOf(name);
    return known >= 0 ? known : this.list.push(name) - 1;
  }

  name(id: number): string | undefined {
    return id === 0 ? undefined : this.list[id];
  }
}

class ScriptNames implements SourceNames {
  readonly devices = new NameList();
  readonly drivers = new NameList();
  readonly domains = new NameList();
  readonly pools = new NameList();
  readonly stacks = new NameList();
  readonly tasks = new NameList();
  private readonly symbols = new NameList();

  device(id: number): string | undefined {
    return this.devices.name(id);
  }

  driver(id: number): string | undefined {
    return this.drivers.name(id);
  }

  domain(id: number): string | undefined {
    return this.domains.name(id);
  }

  pool(id: number): string | undefined {
    return this.pools.name(id);
  }

  task(pid: number): string {
    return this.tasks.name(pid) ?? '<idle>';
  }

  stack(id: number): readonly StackFrame[] {
    return (this.stacks.name(id) ?? '')
      .split('\n')
      .filter(name => name !== '')
      .map(name => {
        const [, symbol = name, module] = /^([^[]*)(?:\[(.*)\])?$/.exec(name) ?? [];
        const address = `0xffffffff8${(this.symbols.id(name) * 0x100).toString(16).padStart(7, '0')}`;
        return { address, symbol, ...(module === undefined ? {} : { module }) };
      });
  }

  locate(position: number): EventLocation {
    return { file: 'script', offset: position };
  }
}
