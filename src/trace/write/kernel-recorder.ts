import type { DmaKind } from '../../kernel/dma.ts';
import { type KernelEvents, PROT_UNKNOWN, type ScatterList, UNKNOWN } from '../../kernel/events.ts';
import { contextFlags, type Moment } from '../../kernel/moment.ts';
import { silentEvents } from '../../kernel/silent-events.ts';
import type { Capabilities, SourceNames } from '../../kernel/source.ts';
import { FRAME_SIZE } from '../../kernel/units.ts';
import { STATE_VERSION } from '../bindings/found-mappings.ts';
import { type KernelAbi, LITTLE_ENDIAN_64 } from './abi.ts';
import type { TraceDescription } from './description.ts';
import { type EventShape, fieldNamed, shapeEvent } from './event-shape.ts';
import { EventWriter, type FieldValue, putCommon } from './event-writer.ts';
import { DECLARATIONS, type EventDeclaration, fieldName, printFormat } from './kernel-formats.ts';
import { RingBuffer } from './ring-buffer.ts';
import { SymbolBook } from './symbol-book.ts';
import { TraceWriter, type TraceWriterOptions } from './trace-writer.ts';

/** Where pointers get their place whose value the source does not name. */
const MADE_UP_POINTERS = 0xffff_8880_0000_0000n;

/** Where x86-64 without KASLR keeps its array of `struct page`, and the size of one (arch/x86/include/asm/pgtable_64_types.h). */
const VMEMMAP_BASE = 0xffff_ea00_0000_0000n;
const STRUCT_PAGE_BYTES = 64n;

/** `ULONG_MAX` on a 64-bit machine: the end of a flush of everything. */
const LAST_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** `common_type` of the first kind of event; `kernel_stack` has its own, as in every kernel (TRACE_STACK). */
const FIRST_ID = 100;
const STACK_ID = 4;

/** `BUS_NOTIFY_UNBOUND_DRIVER`, include/linux/device/bus.h. */
const UNBOUND_DRIVER = 6;

type Values = Readonly<Record<string, FieldValue>>;
type Kind = keyof typeof DECLARATIONS;

/** A kind of event, ready to be written; kernels differ in the fields that they record of it. */
interface OpenKind {
  readonly declaration: EventDeclaration;
  /** Names of the fields that a source may not know. */
  readonly optional: readonly string[];
  /** By the optional fields that are missing, a bit for each. */
  readonly variants: (EventWriter | undefined)[];
}

/** Fields without which an event still says something. */
const OPTIONAL = new Set(['prot', 'phys_addr', 'dir', 'attrs']);

/** Tracepoints of the DMA API by the kind of mapping: `[map, unmap]`. */
const DMA_EVENTS: Readonly<Record<Exclude<DmaKind, 'sg'>, readonly [Kind, Kind]>> = {
  single: ['dmaMap', 'dmaUnmap'],
  coherent: ['dmaAlloc', 'dmaFree'],
  pages: ['dmaAllocPages', 'dmaFreePages'],
  sgt: ['dmaAllocSgt', 'dmaFreeSgt'],
};

/** What a recording says of itself, beside what its events tell. */
export type RecorderDescription = Pick<TraceDescription, 'abi' | 'pageSize' | 'traceClock' | 'uname'>;

/**
 * Writes what any source tells as a trace.dat: the tracepoints and probes that would have told the same, so that it is
 * judged alike when it is read again, by iommusan or by trace-cmd.
 */
export class KernelRecorder {
  /** To be told what happens. */
  readonly events: KernelEvents;
  private readonly file: TraceWriter;
  private readonly names: SourceNames;
  private readonly abi: KernelAbi;
  private readonly ring: RingBuffer;
  private readonly symbols = new SymbolBook();
  private readonly kinds = new Map<Kind, OpenKind>();
  private readonly shapes: EventShape[] = [];
  private readonly pids = new Set<number>();
  /** Frames by the stack's id. */
  private readonly stacks = new Map<number, BigUint64Array>();
  /** The stack at the entry of the last unmap, by context. */
  private readonly unmapStacks = new Map<number, number>();
  private readonly pointers = new Map<string, bigint>();
  private nextPointer = MADE_UP_POINTERS;

  private constructor(file: TraceWriter, names: SourceNames, abi: KernelAbi) {
    this.file = file;
    this.names = names;
    this.abi = abi;
    this.ring = new RingBuffer(abi, (cpu, bytes) => file.write(0, cpu, bytes));
    this.events = this.listener();
  }

  /** @param names of the source whose events will come */
  static async create(
    path: string,
    names: SourceNames,
    description: RecorderDescription = {},
    options: TraceWriterOptions = {},
  ): Promise<KernelRecorder> {
    const { abi = LITTLE_ENDIAN_64, traceClock = '[mono]' } = description;
    const file = await TraceWriter.create(path, { ...description, traceClock, formats: [] }, options);
    return new KernelRecorder(file, names, abi);
  }

  /**
   * Completes the file.
   *
   * @param capabilities of the source: a format in a trace can tell of an event that never came
   */
  finish(capabilities: Pick<Capabilities, 'hasDomainLifetime'>): void {
    this.ring.flush();
    if (capabilities.hasDomainLifetime) this.variant('domainFree', {});
    const names = [...this.pids].map(pid => [pid, this.names.task(pid)] as const);
    this.file.finish({
      formats: this.shapes,
      kallsyms: this.symbols.kallsyms(),
      commandNames: names
        .filter(([pid, name]) => pid !== 0 && name !== '<...>')
        .map(([pid, name]) => `${pid} ${name}\n`)
        .join(''),
    });
  }

  /** Gives the recording up: nothing stays. */
  discard(): void {
    this.file.discard();
  }

  private listener(): KernelEvents {
    const device = (id: number): string => this.names.device(id) ?? '';
    const domain = (id: number): bigint => this.pointer('domain', id, this.names.domain(id));
    const process = (deviceId: number, mm: number): { mm: bigint; handle: bigint } => ({
      mm: this.pointer('mm', mm, undefined),
      handle: this.pointer(`handle of ${deviceId}`, mm, undefined),
    });
    const pool = (id: number): bigint => this.pointer('pool', id, this.names.pool(id));
    const mark = (at: Moment, text: string): void => this.put('marker', at, { buf: `iommusan: ${text}` });
    const inPages = (bytes: number): string => (bytes / FRAME_SIZE).toString(16);
    const put = (kind: Kind, at: Moment, values: Values): void => this.put(kind, at, values);
    return {
      ...silentEvents,
      iommuMap: (at, domainId, iova, phys, size, prot) => {
        if (domainId !== UNKNOWN) {
          put('mapEntry', at, {
            domain: domain(domainId),
            iova,
            paddr: phys,
            size,
            ...known('prot', prot, PROT_UNKNOWN),
          });
          // The stack is the entry's.
          this.write('map', at, { iova, paddr: phys, size });
        } else put('map', at, { iova, paddr: phys, size });
      },
      iommuUnmapBegin: (at, domainId, iova, size) => {
        if (domainId === UNKNOWN) return;
        put('unmapEntry', at, { domain: domain(domainId), iova, size });
        this.unmapStacks.set(at.context, at.stack);
      },
      iommuUnmapEnd: (at, domainId, iova, size, unmapped) => {
        const values = { iova, size, unmapped_size: unmapped };
        // A reader takes the stack of the entry where the tracepoint has none.
        if (domainId !== UNKNOWN && this.unmapStacks.get(at.context) === at.stack) {
          this.write('unmap', at, values);
        } else put('unmap', at, values);
      },
      // A flush that is of no domain in particular is written as one of NULL.
      iotlbFlush: (at, domainId, iova, size) => {
        if (Number.isFinite(size)) {
          put('sync', at, { domain: domain(domainId), start: iova, end: iova + size - 1 });
        } else put('flushAll', at, { domain: domain(domainId) });
      },
      ioPageFault: (at, deviceId, iova, isWrite) =>
        put('ioPageFault', at, { device: device(deviceId), driver: '', iova, flags: isWrite }),
      domainAlloc: (at, domainId, deviceId) =>
        put('domainAlloc', at, { dev: device(deviceId), domain: domain(domainId) }),
      domainAttach: (at, domainId, deviceId) =>
        put('domainAttach', at, { domain: domain(domainId), dev: device(deviceId) }),
      domainFree: (at, domainId) => put('domainFree', at, { domain: domain(domainId) }),
      pageAlloc: (at, pfn, order) => put('pageAlloc', at, { pfn, order }),
      pageFree: (at, pfn, order) => put('pageFree', at, { pfn, order }),
      dmaMapBegin: (at, deviceId) => put('dmaMapBegin', at, { dev: device(deviceId) }),
      dmaMap: (at, kind, deviceId, dmaAddr, size, phys, direction, attrs) => {
        if (kind === 'sg') return;
        put(DMA_EVENTS[kind][0], at, {
          device: device(deviceId),
          dma_addr: dmaAddr,
          size,
          ...(kind === 'single' ? known('phys_addr', phys) : {}),
          ...known('dir', direction),
          ...known('attrs', attrs),
        });
      },
      dmaUnmap: (at, kind, deviceId, dmaAddr, size, direction, attrs) => {
        if (kind === 'sg') return;
        put(DMA_EVENTS[kind][1], at, {
          device: device(deviceId),
          [kind === 'single' ? 'addr' : 'dma_addr']: dmaAddr,
          size,
          ...known('dir', direction),
          ...known('attrs', attrs),
        });
      },
      dmaMapSg: (at, deviceId, list, direction, attrs) =>
        put('dmaMapSg', at, {
          device: device(deviceId),
          full_nents: list.fullNents,
          full_ents: list.fullEnts,
          phys_addrs: entries(list),
          dma_addrs: Array.from(list.dmaAddr.subarray(0, list.ents)),
          lengths: Array.from(list.length.subarray(0, list.ents)),
          ...known('dir', direction),
          ...known('attrs', attrs),
        }),
      dmaUnmapSg: (at, deviceId, list, direction, attrs) =>
        put('dmaUnmapSg', at, {
          device: device(deviceId),
          addrs: entries(list),
          ...known('dir', direction),
          ...known('attrs', attrs),
        }),
      dmaSync: (at, deviceId, dmaAddr, size, direction) =>
        put('dmaSync', at, {
          device: device(deviceId),
          dma_addr: dmaAddr,
          size,
          ...known('dir', direction),
        }),
      // As `src/trace/bindings/found-mappings.ts` reads them.
      stateBegin: at => mark(at, `state begin ${STATE_VERSION}`),
      mappingFound: (at, tableId, deviceId, iova, phys, size) =>
        mark(
          at,
          `found ${this.names.device(deviceId) ?? '-'} ${this.pointer('table', tableId, this.names.domain(tableId)).toString(16)} ${inPages(iova)}+${inPages(size)}=${inPages(phys)}`,
        ),
      stateEnd: at => mark(at, 'state end'),
      driverProbe: (at, deviceId, driverId) =>
        put('driverProbe', at, { dev: device(deviceId), drv: this.names.driver(driverId) ?? '' }),
      driverCleanup: (at, deviceId) => put('driverCleanup', at, { dev: device(deviceId) }),
      driverUnbound: (at, deviceId) => put('busNotify', at, { dev: device(deviceId), event: UNBOUND_DRIVER }),
      poolCreate: (at, poolId, deviceId) =>
        put('poolCreate', at, { dev: device(deviceId), pool: pool(poolId) }),
      poolHold: (at, poolId, pfn, count) => put('poolHold', at, { pool: pool(poolId), pfn, hold: count }),
      poolRelease: (at, poolId, pfn, count) =>
        put('poolRelease', at, { pool: pool(poolId), pfn, release: count }),
      poolShutdown: (at, poolId, inflight) => put('poolShutdown', at, { pool: pool(poolId), inflight }),
      poolDestroy: (at, poolId) => put('poolDestroy', at, { pool: pool(poolId) }),
      svaBind: (at, deviceId, mm) => put('svaBind', at, { dev: device(deviceId), ...process(deviceId, mm) }),
      svaUnbind: (at, deviceId, mm) => put('svaUnbind', at, { handle: process(deviceId, mm).handle }),
      kernelTableFree: (at, pfn) =>
        put('kernelTableFree', at, {
          ptdesc: VMEMMAP_BASE + BigInt(pfn) * STRUCT_PAGE_BYTES,
          vmemmap_base: VMEMMAP_BASE,
        }),
      svaInvalidateBegin: (at, start, end) => put('svaInvalidateBegin', at, { start, end: wide(end) }),
      svaInvalidateEnd: (at, start, end) => put('svaInvalidateEnd', at, { start, end: wide(end) }),
      eventsLost: (cpu, count) => this.ring.cpu(cpu).lost(count),
    };
  }

  /** Writes an event, and the stack that it has. */
  private put(kind: Kind, at: Moment, values: Values): void {
    this.write(kind, at, values);
    if (at.stack !== 0) this.putStack(at, this.stackOf(at.stack));
  }

  private write(kind: Kind, at: Moment, values: Values): void {
    this.pids.add(at.pid);
    this.variant(kind, values).write(this.ring.cpu(at.cpu), at.timeNs, at.pid, contextFlags(at), values);
  }

  /** `kernel_stack` declares eight frames, and its records have as many as there are (kernel/trace/trace.c). */
  private putStack(at: Moment, frames: BigUint64Array): void {
    const { format } = this.variant('kernelStack', {});
    const { littleEndian, longSize } = this.abi;
    const size = fieldNamed(format, 'size').offset;
    const caller = fieldNamed(format, 'caller').offset;
    const ring = this.ring.cpu(at.cpu);
    const payload = ring.reserve(at.timeNs, caller + frames.length * longSize);
    const { view } = ring;
    putCommon(view, payload, littleEndian, format.id, contextFlags(at), at.pid);
    view.setUint32(payload + size, frames.length, littleEndian);
    for (let i = 0, to = payload + caller; i < frames.length; i++, to += longSize) {
      const frame = frames[i] as bigint;
      if (longSize === 8) view.setBigUint64(to, frame, littleEndian);
      else view.setUint32(to, Number(BigInt.asUintN(32, frame)), littleEndian);
    }
  }

  private stackOf(id: number): BigUint64Array {
    let frames = this.stacks.get(id);
    if (!frames) {
      frames = BigUint64Array.from(this.names.stack(id), frame => this.symbols.addressOf(frame));
      this.stacks.set(id, frames);
    }
    return frames;
  }

  private variant(name: Kind, values: Values): EventWriter {
    let kind = this.kinds.get(name);
    if (!kind) {
      const declaration: EventDeclaration = DECLARATIONS[name];
      const optional = declaration.fields.map(fieldName).filter(field => OPTIONAL.has(field));
      kind = { declaration, optional, variants: [] };
      this.kinds.set(name, kind);
    }
    let missing = 0;
    for (let i = 0; i < kind.optional.length; i++) {
      if (values[kind.optional[i] as string] === undefined) missing |= 1 << i;
    }
    let writer = kind.variants[missing];
    if (!writer) {
      writer = this.newVariant(kind.declaration, values);
      kind.variants[missing] = writer;
    }
    return writer;
  }

  private newVariant({ system, name, fields, probe }: EventDeclaration, values: Values): EventWriter {
    const present = fields.filter(
      field => !OPTIONAL.has(fieldName(field)) || values[fieldName(field)] !== undefined,
    );
    const id = name === 'kernel_stack' ? STACK_ID : FIRST_ID + this.shapes.length;
    const declarations = present.map(({ declaration }) => declaration);
    const shape = shapeEvent(this.abi, system, name, id, declarations, printFormat(present));
    this.shapes.push(shape);
    return new EventWriter(shape.format, this.abi, probe ? this.probePlace(probe) : {});
  }

  private probePlace({ symbol, isReturn }: NonNullable<EventDeclaration['probe']>): Values {
    const address = this.symbols.functionAddress(symbol);
    return isReturn ? { __probe_func: address, __probe_ret_ip: address } : { __probe_ip: address };
  }

  /** The value of a kernel pointer from its name, or one made up for it. */
  private pointer(kind: string, id: number, name: string | undefined): bigint {
    if (id === UNKNOWN) return 0n;
    const key = `${kind} ${id}`;
    let value = this.pointers.get(key);
    if (value === undefined) {
      if (name !== undefined && /^0x[0-9a-f]{1,16}$/.test(name)) value = BigInt(name);
      else {
        value = this.nextPointer;
        this.nextPointer += 0x400n;
      }
      this.pointers.set(key, value);
    }
    return value;
  }
}

/** A field, unless the source does not know its value. */
function known(name: string, value: number, unknown = -1): Values {
  return value === unknown ? {} : { [name]: value };
}

function entries(list: ScatterList): number[] {
  return Array.from(list.phys.subarray(0, list.nents));
}

/** The end of a range as an unsigned 64-bit value; a source that does not know it says `Infinity`. */
function wide(end: number): FieldValue {
  return end >= 2 ** 64 ? LAST_ADDRESS : end;
}
