import { type KernelAbi, LITTLE_ENDIAN_64 } from './abi.ts';
import { ByteWriter } from './byte-writer.ts';

/** Everything in a trace.dat beside the events: what a reader needs to understand them. */
export interface TraceDescription {
  /** Default: 64 bits, little-endian. */
  readonly abi?: KernelAbi;
  /** The kernel's page size in bytes; default 4096. */
  readonly pageSize?: number;
  /** tracefs `events/header_page`; by default made from the layout and the size of a sub-buffer. */
  readonly headerPage?: string;
  /** tracefs `events/header_event`. */
  readonly headerEvent?: string;
  /** `events/SYSTEM/NAME/format` of every event that may occur; those of system `ftrace` have their own section. */
  readonly formats: readonly { readonly system: string; readonly text: string }[];
  /** `/proc/kallsyms`. */
  readonly kallsyms?: string | Uint8Array;
  /** tracefs `printk_formats`. */
  readonly printkFormats?: string | Uint8Array;
  /** tracefs `saved_cmdlines`: `PID NAME` a line. */
  readonly commandNames?: string | Uint8Array;
  /** tracefs `trace_clock`: all clocks, the one in use in brackets. */
  readonly traceClock?: string;
  /** `Linux HOST 7.2.13 x86_64` */
  readonly uname?: string;
  /** `per_cpu/cpuN/stats` of each CPU when the recording ended, each with a line `CPU: N` before it. */
  readonly statistics?: readonly string[];
  /** Further options by their id, as they are in a file: what a reader did not know is not lost in a copy. */
  readonly options?: readonly (readonly [id: number, data: Uint8Array])[];
}

/** `header_event` as every kernel since 3.0 has it (kernel/trace/ring_buffer.c). */
const HEADER_EVENT =
  '# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n' +
  '\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n' +
  '\tdata max type_len  == 28\n';

/** `header_page` of a kernel: `ring_buffer_print_page_header()`, kernel/trace/ring_buffer.c. */
export function headerPageOf({ longSize }: KernelAbi, subBufferSize: number): string {
  const data = 8 + longSize;
  return (
    '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n' +
    `\tfield: local_t commit;\toffset:8;\tsize:${longSize};\tsigned:1;\n` +
    '\tfield: char overwrite;\toffset:8;\tsize:1;\tsigned:1;\n' +
    `\tfield: char data;\toffset:${data};\tsize:${subBufferSize - data};\tsigned:1;\n`
  );
}

/** The body of the section of `header_page` and `header_event`. */
export function headerInfo(description: TraceDescription, subBufferSize: number): Uint8Array {
  const { abi = LITTLE_ENDIAN_64, headerEvent = HEADER_EVENT } = description;
  const headerPage = description.headerPage ?? headerPageOf(abi, subBufferSize);
  return new ByteWriter(abi.littleEndian)
    .cstring('header_page')
    .u64(headerPage.length)
    .text(headerPage)
    .cstring('header_event')
    .u64(headerEvent.length)
    .text(headerEvent)
    .finish();
}

/** The body of the section of ftrace's own formats. */
export function ftraceFormats({ abi = LITTLE_ENDIAN_64, formats }: TraceDescription): Uint8Array {
  const writer = new ByteWriter(abi.littleEndian);
  const texts = formats.filter(({ system }) => system === 'ftrace').map(({ text }) => text);
  writer.u32(texts.length);
  for (const text of texts) writer.u64(text.length).text(text);
  return writer.finish();
}

/** The body of the section of all other formats, by system. */
export function eventFormats({ abi = LITTLE_ENDIAN_64, formats }: TraceDescription): Uint8Array {
  const systems = new Map<string, string[]>();
  for (const { system, text } of formats) {
    if (system === 'ftrace') continue;
    const texts = systems.get(system);
    if (texts) texts.push(text);
    else systems.set(system, [text]);
  }
  const writer = new ByteWriter(abi.littleEndian).u32(systems.size);
  for (const [system, texts] of systems) {
    writer.cstring(system).u32(texts.length);
    for (const text of texts) writer.u64(text.length).text(text);
  }
  return writer.finish();
}

/** A text with its length before it, in 4 bytes or in 8: kallsyms, printk formats and command names. */
export function sizedText(
  abi: KernelAbi,
  text: string | Uint8Array | undefined,
  lengthBytes: 4 | 8,
): Uint8Array {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : (text ?? new Uint8Array(0));
  const writer = new ByteWriter(abi.littleEndian);
  if (lengthBytes === 4) writer.u32(bytes.length);
  else writer.u64(bytes.length);
  return writer.put(bytes).finish();
}
