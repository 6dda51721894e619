import { DMA_ATTR_NAMES, DMA_DIRECTIONS } from '../../src/kernel/dma.ts';
import type { StackFrame } from '../../src/kernel/source.ts';
import type { EventField, EventFormat } from '../../src/trace/events/event-format.ts';
import { type Extent, extentReader, textAt } from '../../src/trace/events/field-reader.ts';
import type { RawEvent } from '../../src/trace/events/raw-event.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';

/** The forms in which a kernel, and perf, print the same events. */
export interface TextStyle {
  readonly name: string;
  readonly head: string;
  /** What stands before the event. */
  readonly prefix: (task: string, event: RawEvent) => string;
  /** `iommu:map` instead of `map`. */
  readonly withSystem: boolean;
  /** The line above a stack, without its prefix; perf has none. */
  readonly stackTitle: string | undefined;
  readonly frame: (frame: StackFrame) => string;
  readonly behindStack: string;
}

const CONTEXT_LETTERS: readonly [number, string][] = [
  [0x48, 'Z'],
  [0x40, 'z'],
  [0x18, 'H'],
  [0x08, 'h'],
  [0x10, 's'],
];

/** `d.h1.`, kernel/trace/trace_output.c; the preemption depth does not matter here. */
function flagsOf({ flags }: RawEvent, more: string): string {
  const [, context = '.'] = CONTEXT_LETTERS.find(([bits]) => (flags & bits) === bits) ?? [];
  return `${flags & 1 ? 'd' : '.'}${flags & 4 ? 'N' : '.'}${context}${more}`;
}

function seconds(timeNs: number, digits: number): string {
  const unit = 10 ** (9 - digits);
  const count = Math.floor(timeNs / unit);
  const perSecond = 10 ** digits;
  return `${Math.floor(count / perSecond)}.${String(count % perSecond).padStart(digits, '0')}`.padStart(12);
}

const task = (comm: string, pid: number): string => `${comm.padStart(16)}-${String(pid).padEnd(7)}`;
const cpuOf = ({ cpu }: RawEvent): string => `[${String(cpu).padStart(3, '0')}]`;

function place({ symbol, offset = 0, size, module, address = '' }: StackFrame): string {
  if (symbol === undefined) return address;
  const within = size === undefined ? '' : `/0x${size.toString(16)}`;
  return `${symbol}+0x${offset.toString(16)}${within}${module === undefined ? '' : ` [${module}]`}`;
}

const bareAddress = ({ address = '' }: StackFrame): string => address.replace('0x', '');
const nameOf = ({ symbol, module, address = '' }: StackFrame): string =>
  `${symbol ?? address}${module === undefined ? '' : ` [${module}]`}`;

const TRACEFS: TextStyle = {
  name: 'tracefs',
  head: '# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n',
  prefix: (comm, event) =>
    `${task(comm, event.pid)} ${cpuOf(event)} ${flagsOf(event, '1.')} ${seconds(event.timeNs, 6)}: `,
  withSystem: false,
  stackTitle: '<stack trace>',
  frame: frame => ` => ${nameOf(frame)}`,
  behindStack: '',
};

const PERF: TextStyle = {
  name: 'perf script',
  head: '',
  prefix: (comm, event) =>
    `${comm.padStart(16)} ${String(event.pid).padStart(5)} ${cpuOf(event)} ${seconds(event.timeNs, 6)}: `,
  withSystem: true,
  stackTitle: undefined,
  frame: frame =>
    `\t${bareAddress(frame).padStart(16)} ${frame.symbol === undefined ? '[unknown]' : place({ ...frame, size: undefined as never, module: undefined as never })} (${frame.module === undefined ? '[kernel.kallsyms]' : `[${frame.module}]`})`,
  behindStack: '\n',
};

/** All forms: the header columns that options of tracefs add or take away, clocks, and stacks. */
export const TEXT_STYLES: readonly TextStyle[] = [
  TRACEFS,
  { ...TRACEFS, name: 'trace_pipe: no header', head: '' },
  {
    ...TRACEFS,
    name: 'four flags, as before Linux 5.15',
    prefix: (comm, event) =>
      `${task(comm, event.pid)} ${cpuOf(event)} ${flagsOf(event, '1')} ${seconds(event.timeNs, 6)}: `,
  },
  {
    ...TRACEFS,
    name: 'without irq-info',
    prefix: (comm, event) => `${task(comm, event.pid)} ${cpuOf(event)} ${seconds(event.timeNs, 6)}: `,
  },
  {
    ...TRACEFS,
    name: 'record-tgid, symbols with offsets',
    prefix: (comm, event) =>
      `${task(comm, event.pid)} (${event.pid === 0 ? '-------' : String(event.pid).padStart(7)}) ${cpuOf(event)} ${flagsOf(event, '..')} ${seconds(event.timeNs, 6)}: `,
    frame: frame => ` => ${place(frame)}`,
  },
  {
    ...TRACEFS,
    name: 'latency format, symbols with addresses',
    prefix: (comm, event) =>
      `${comm.slice(0, 8).padStart(8)}-${String(event.pid).padEnd(7)} ${String(event.cpu).padStart(3)}${flagsOf(event, '1.')} ${String(Math.floor(event.timeNs / 1000)).padStart(4)}us+: `,
    frame: frame => ` => ${nameOf(frame)} <${bareAddress(frame)}>`,
  },
  {
    ...TRACEFS,
    name: 'trace_clock counter',
    prefix: (comm, event) =>
      `${task(comm, event.pid)} ${cpuOf(event)} ${flagsOf(event, '..')} ${String(event.timeNs).padStart(12)}: `,
  },
  PERF,
  {
    ...PERF,
    name: 'perf script --ns, process and thread',
    head: '# ========\n# captured on    : Fri Nov 27 08:00:00 2026\n# ========\n#\n',
    prefix: (comm, event) =>
      `${comm.padStart(16)} ${event.pid}/${event.pid} ${cpuOf(event)} ${seconds(event.timeNs, 9)}: `,
  },
];

/** Reads a field of a record for printing. */
type Values = (name: string) => bigint;

/** `print fmt` of the tracepoints in the recordings, include/trace/events/*.h of Linux 7.2. */
const PRINTERS: Readonly<Record<string, (event: RawEvent, format: EventFormat, value: Values) => string>> = {
  'iommu:map': (_, __, v) =>
    `IOMMU: iova=0x${hex16(v('iova'))} - 0x${hex16(v('iova') + v('size'))} paddr=0x${hex16(v('paddr'))} size=${v('size')}`,
  'iommu:unmap': (_, __, v) =>
    `IOMMU: iova=0x${hex16(v('iova'))} - 0x${hex16(v('iova') + v('size'))} size=${v('size')} unmapped_size=${v('unmapped_size')}`,
  'kmem:mm_page_alloc': (_, __, v) =>
    v('pfn') === BigInt.asUintN(64, -1n)
      ? `page=(nil) pfn=0x0 order=${v('order')} migratetype=${v('migratetype')} gfp_flags=GFP_KERNEL`
      : `page=00000000cdf252c2 pfn=0x${v('pfn').toString(16)} order=${v('order')} migratetype=${v('migratetype')} gfp_flags=GFP_KERNEL|__GFP_ZERO`,
  'kmem:mm_page_free': (_, __, v) =>
    `page=00000000dea5e9fd pfn=0x${v('pfn').toString(16)} order=${v('order')}`,
  'dma:dma_map_phys': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} dma_addr=${v('dma_addr').toString(16)} size=${v('size')} phys_addr=${v('phys_addr').toString(16)} attrs=${attributes(v)}`,
  'dma:dma_unmap_phys': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} dma_addr=${v('addr').toString(16)} size=${v('size')} attrs=${attributes(v)}`,
  'dma:dma_alloc': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} dma_addr=${v('dma_addr').toString(16)} size=${v('size')} virt_addr=0000000045ca0000 flags=GFP_KERNEL attrs=${attributes(v)}`,
  'dma:dma_free': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} dma_addr=${v('dma_addr').toString(16)} size=${v('size')} virt_addr=0000000045ca0000 attrs=${attributes(v)}`,
  'dma:dma_map_sg': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} nents=${array(event, format, 'phys_addrs', 8).length}/${v('full_nents')} ents=${array(event, format, 'dma_addrs', 8).length}/${v('full_ents')} dma_addrs=${braces(array(event, format, 'dma_addrs', 8))} sizes=${braces(array(event, format, 'lengths', 4))} phys_addrs=${braces(array(event, format, 'phys_addrs', 8))} attrs=${attributes(v)}`,
  'dma:dma_unmap_sg': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} phys_addrs=${braces(array(event, format, 'addrs', 8))} attrs=${attributes(v)}`,
  'dma:dma_sync_single_for_cpu': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} dma_addr=${v('dma_addr').toString(16)} size=${v('size')}`,
  'dma:dma_sync_single_for_device': (event, format, v) =>
    `${text(event, format, 'device')} dir=${direction(v)} dma_addr=${v('dma_addr').toString(16)} size=${v('size')}`,
  'page_pool:page_pool_state_hold': (_, __, v) =>
    `page_pool=${hashed(v('pool'))} netmem=${hashed(v('netmem'))} is_net_iov=0, pfn=0x${v('pfn').toString(16)} hold=${v('hold')}`,
  'page_pool:page_pool_state_release': (_, __, v) =>
    `page_pool=${hashed(v('pool'))} netmem=${hashed(v('netmem'))} is_net_iov=0 pfn=0x${v('pfn').toString(16)} release=${v('release')}`,
  'page_pool:page_pool_release': (_, __, v) =>
    `page_pool=${hashed(v('pool'))} inflight=${BigInt.asIntN(32, v('inflight'))} hold=${v('hold')} release=${v('release')} cnt=${v('cnt')}`,
  'printk:console': (event, format) => text(event, format, 'msg').trimEnd(),
};

const hex16 = (value: bigint): string => value.toString(16).padStart(16, '0');
/** What `%p` makes of a pointer: another one, of 32 bits, and the same each time. */
const hashed = (pointer: bigint): string => hex16((pointer * 0x9e37_79b1n) & 0xffff_ffffn);
const direction = (value: Values): string => DMA_DIRECTIONS[Number(value('dir'))] ?? '0';
const braces = (values: readonly bigint[]): string =>
  `{${values.map(value => `0x${value.toString(16)}`).join(',')}}`;

function attributes(value: Values): string {
  const mask = Number(value('attrs'));
  return DMA_ATTR_NAMES.filter(([bit]) => mask & (1 << bit))
    .map(([, name]) => name)
    .join('|');
}

function field(format: EventFormat, name: string): EventField {
  const found = format.fields.find(candidate => candidate.name === name);
  if (!found) throw new Error(`${format.system}:${format.name} has no ${name}`);
  return found;
}

function text(event: RawEvent, format: EventFormat, name: string): string {
  const place: Extent = { at: 0, bytes: 0 };
  extentReader(field(format, name))(event, place);
  return textAt(event, place);
}

function array(event: RawEvent, format: EventFormat, name: string, size: 4 | 8): bigint[] {
  const found: Extent = { at: 0, bytes: 0 };
  extentReader(field(format, name))(event, found);
  return Array.from({ length: found.bytes / size }, (_, i) =>
    size === 8
      ? event.view.getBigUint64(found.at + i * size, true)
      : BigInt(event.view.getUint32(found.at + i * size, true)),
  );
}

function scalar(event: RawEvent, { offset, size }: EventField): bigint {
  const at = event.payload + offset;
  if (size === 8) return event.view.getBigUint64(at, true);
  return BigInt(size === 4 ? event.view.getUint32(at, true) : event.view.getUint8(at));
}

/** A probe as trace_probe.c prints it: its place, then its arguments by their types. */
function probe(event: RawEvent, format: EventFormat, source: TraceSource): string {
  const code = (name: string): string => {
    const address = scalar(event, field(format, name));
    const match = source.names.symbols.at(Number(address >> 32n), Number(address & 0xffff_ffffn));
    if (!match) return `0x${address.toString(16)}`;
    return `${match.name}+0x${(match.offset ?? 0).toString(16)}/0x${(match.size ?? 0).toString(16)}`;
  };
  const isReturn = format.fields.some(({ name }) => name === '__probe_ret_ip');
  const places = isReturn
    ? `(${code('__probe_ret_ip')} <- ${code('__probe_func').replace(/\+.*/, '')})`
    : `(${code('__probe_ip')})`;
  const values = format.fields
    .filter(({ name }) => !name.startsWith('common_') && !name.startsWith('__probe_'))
    .map(argument => {
      if (argument.layout === 'data_loc') return `${argument.name}="${text(event, format, argument.name)}"`;
      const value = scalar(event, argument);
      return `${argument.name}=${argument.signed ? BigInt.asIntN(argument.size * 8, value) : `0x${value.toString(16)}`}`;
    });
  return [places, ...values].join(' ');
}

/** Prints a recording as one of these texts. Events that mean nothing to iommusan are left out. */
export async function textOf(path: string, style: TextStyle): Promise<string> {
  const source = await TraceSource.open(path);
  const lines: string[] = [];
  source.walk(
    id => {
      const format = source.format(id);
      if (!format) return undefined;
      const fullName = `${format.system}:${format.name}`;
      const isProbe = format.fields.some(({ name }) => name.startsWith('__probe_'));
      const print = PRINTERS[fullName];
      if (!print && !isProbe) return undefined;
      return event => {
        const values: Values = name => scalar(event, field(format, name));
        const body = print ? print(event, format, values) : probe(event, format, source);
        const comm = source.names.task(event.pid);
        const prefix = style.prefix(comm, event);
        lines.push(`${prefix}${style.withSystem ? fullName : format.name}: ${body}`);
        if (event.stackBytes > 0) {
          const id = source.names.stacks.intern(event.stackWords, event.stackAt, event.stackBytes, 8, true);
          if (style.stackTitle !== undefined) lines.push(`${prefix}${style.stackTitle}`);
          lines.push(...source.names.stack(id).map(style.frame));
        }
        if (style.behindStack !== '') lines.push('');
      };
    },
    { eventsLost: () => undefined },
  );
  source.close();
  return `${style.head}${lines.join('\n')}\n`;
}
