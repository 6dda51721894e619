import { deflateSync } from 'node:zlib';
import { ByteWriter } from '../../src/trace/write/byte-writer.ts';
import {
  eventFormats,
  ftraceFormats,
  headerInfo,
  type TraceDescription,
} from '../../src/trace/write/description.ts';
import { type Machine, SUB_BUFFER } from './ring-buffer.ts';

/** A recording to be written as a trace.dat. */
export interface Recording {
  readonly machine: Machine;
  /** Formats of `ftrace` go into their own section. */
  readonly formats: readonly { readonly system: string; readonly text: string }[];
  /** The first is the top buffer, with the empty name. */
  readonly buffers: readonly RecordedBuffer[];
  readonly kallsyms?: string;
  /** `saved_cmdlines`: `PID NAME` a line. */
  readonly commandNames?: string;
  /** tracefs `trace_clock`. */
  readonly clocks?: string;
  readonly uname?: string;
  /** `per_cpu/cpuN/stats` of each CPU. */
  readonly statistics?: readonly string[];
  readonly subBufferSize?: number;
  /** Of latency tracers, by instance; version 6 can hold one, and no buffers then. */
  readonly texts?: readonly RecordedText[];
}

export interface RecordedText {
  readonly name: string;
  readonly text: string;
}

export interface RecordedBuffer {
  readonly name: string;
  readonly cpus: readonly RecordedCpu[];
}

export interface RecordedCpu {
  readonly cpu: number;
  readonly subBuffers: readonly Uint8Array[];
}

/** How a recording is written. */
export interface Form {
  readonly version: 6 | 7;
  readonly compression?: 'none' | 'zlib';
  /** Version 7 only: whether buffer options name the size of a sub-buffer, as trace-cmd does since 3.2. */
  readonly hasPageSize?: boolean;
}

/** A trace.dat in memory. */
export interface WrittenFile {
  readonly bytes: Uint8Array;
  /** Offsets at which a part of the file begins. */
  readonly borders: readonly number[];
}

/** Ids of sections and of options (trace-cmd.dat.v7.5). */
const OPTIONS = 0;
const CPUSTAT = 2;
const BUFFER = 3;
const TRACECLOCK = 4;
const UNAME = 5;
const CPUCOUNT = 8;
const HEADER_INFO = 16;
const FTRACE_EVENTS = 17;
const EVENT_FORMATS = 18;
const KALLSYMS = 19;
const PRINTK = 20;
const CMDLINES = 21;
const BUFFER_TEXT = 22;

const COMPRESSED = 1;

/** Sub-buffers in a compressed chunk: few, so that small recordings have several chunks. */
const SUB_BUFFERS_IN_CHUNK = 2;

/** Bytes of text in a compressed chunk. */
const TEXT_CHUNK = 4096;

/**
 * Writes a recording as a trace.dat in every form that trace-cmd has: version 6 and 7, with and without the size of a
 * sub-buffer, in chunks of any kind. `TraceWriter` writes the one form that iommusan makes.
 */
export function writeTraceFile(recording: Recording, form: Form): WrittenFile {
  return form.version === 6 ? writeVersion6(recording) : writeVersion7(recording, form);
}

function fileHeader(version: string, { machine, subBufferSize = SUB_BUFFER }: Recording): ByteWriter {
  const file = new ByteWriter(machine.littleEndian);
  file
    .put(Uint8Array.of(0x17, 0x08, 0x44))
    .text('tracing')
    .cstring(version);
  return file
    .u8(machine.littleEndian ? 0 : 1)
    .u8(machine.longSize)
    .u32(Math.min(subBufferSize, SUB_BUFFER));
}

function descriptionOf({ machine, formats }: Recording): TraceDescription {
  return { abi: machine, formats };
}

function simpleOptions(recording: Recording): [id: number, data: Uint8Array][] {
  const { machine, clocks, uname, statistics = [], buffers } = recording;
  const text = (content: string): Uint8Array => Buffer.from(`${content}\0`, 'latin1');
  return [
    ...statistics.map((stat): [number, Uint8Array] => [CPUSTAT, text(stat)]),
    ...(clocks === undefined ? [] : [[TRACECLOCK, text(clocks)] satisfies [number, Uint8Array]]),
    ...(uname === undefined ? [] : [[UNAME, text(uname)] satisfies [number, Uint8Array]]),
    [CPUCOUNT, new ByteWriter(machine.littleEndian).u32(cpuCount(buffers)).finish()],
  ];
}

function cpuCount(buffers: readonly RecordedBuffer[]): number {
  return 1 + Math.max(0, ...buffers.flatMap(({ cpus }) => cpus.map(({ cpu }) => cpu)));
}

function putOption(writer: ByteWriter, id: number, data: Uint8Array): void {
  writer.u16(id).u32(data.length).put(data);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function writeVersion6(recording: Recording): WrittenFile {
  const { machine, kallsyms = '', commandNames = '', buffers, texts = [] } = recording;
  const file = fileHeader('6', recording);
  const borders: number[] = [];
  const part = (bytes: Uint8Array): void => {
    borders.push(file.length);
    file.put(bytes);
  };
  const sized = (text: string): Uint8Array =>
    new ByteWriter(machine.littleEndian).u32(text.length).text(text).finish();
  const description = descriptionOf(recording);
  part(headerInfo(description, recording.subBufferSize ?? SUB_BUFFER));
  part(ftraceFormats(description));
  part(eventFormats(description));
  part(sized(kallsyms));
  part(sized(''));
  part(new ByteWriter(machine.littleEndian).u64(commandNames.length).text(commandNames).finish());
  const count = cpuCount(buffers);
  borders.push(file.length);
  file.u32(count);

  borders.push(file.length);
  file.text('options  \0');
  for (const [id, data] of simpleOptions(recording)) putOption(file, id, data);
  const patches: number[] = [];
  for (const { name } of buffers.slice(1)) {
    file.u16(BUFFER).u32(8 + name.length + 1);
    patches.push(file.length);
    file.u64(0).cstring(name);
  }
  file.u16(0);

  for (const { text } of texts) {
    borders.push(file.length);
    file.text('latency  \0').text(text);
  }
  for (const [i, buffer] of buffers.entries()) {
    borders.push(file.length);
    const patch = patches[i - 1];
    if (patch !== undefined) file.patchU64(patch, file.length);
    file.text('flyrecord\0');
    const table = file.length;
    for (let cpu = 0; cpu < count; cpu++) file.u64(0).u64(0);
    for (let cpu = 0; cpu < count; cpu++) {
      const data = concat(buffer.cpus.find(recorded => recorded.cpu === cpu)?.subBuffers ?? []);
      file.align(SUB_BUFFER);
      borders.push(file.length);
      file.patchU64(table + cpu * 16, file.length);
      file.patchU64(table + cpu * 16 + 8, data.length);
      file.put(data);
    }
  }
  return { bytes: file.finish(), borders };
}

function writeVersion7(recording: Recording, form: Form): WrittenFile {
  const { machine, kallsyms = '', commandNames = '', buffers, texts = [], clocks = '[local]' } = recording;
  const { compression = 'none', hasPageSize = true } = form;
  const { littleEndian } = machine;
  const file = fileHeader('7', recording)
    .cstring(compression)
    .cstring(compression === 'none' ? '' : '1.3');
  const borders: number[] = [];
  const firstOptions = file.length;
  file.u64(0);

  const compress = (bytes: Uint8Array): Uint8Array => {
    const packed = deflateSync(bytes);
    return new ByteWriter(littleEndian).u32(packed.length).u32(bytes.length).put(packed).finish();
  };
  const section = (id: number, body: Uint8Array, canCompress = true): number => {
    const isCompressed = canCompress && compression !== 'none';
    const stored = isCompressed ? compress(body) : body;
    borders.push(file.length);
    const offset = file.length;
    file
      .u16(id)
      .u16(isCompressed ? COMPRESSED : 0)
      .u32(0)
      .u64(stored.length)
      .put(stored);
    return offset;
  };
  const sized = (text: string): Uint8Array =>
    new ByteWriter(littleEndian).u32(text.length).text(text).finish();
  const places: [id: number, offset: number][] = [
    [
      HEADER_INFO,
      section(HEADER_INFO, headerInfo(descriptionOf(recording), recording.subBufferSize ?? SUB_BUFFER)),
    ],
    [FTRACE_EVENTS, section(FTRACE_EVENTS, ftraceFormats(descriptionOf(recording)))],
    [EVENT_FORMATS, section(EVENT_FORMATS, eventFormats(descriptionOf(recording)))],
    [KALLSYMS, section(KALLSYMS, sized(kallsyms))],
    [PRINTK, section(PRINTK, sized(''))],
    [
      CMDLINES,
      section(CMDLINES, new ByteWriter(littleEndian).u64(commandNames.length).text(commandNames).finish()),
    ],
  ];

  const first = new ByteWriter(littleEndian);
  for (const [id, offset] of places) putOption(first, id, new ByteWriter(littleEndian).u64(offset).finish());
  for (const [id, data] of simpleOptions(recording)) putOption(first, id, data);
  first.u16(0).u32(8);
  const nextInFirst = first.length;
  first.u64(0);
  file.patchU64(firstOptions, file.length);
  const optionsAt = section(OPTIONS, first.finish(), false);

  const second = new ByteWriter(littleEndian);
  for (const buffer of buffers) putOption(second, BUFFER, writeBuffer(buffer));
  for (const { name, text } of texts) {
    const body = Buffer.from(text, 'latin1');
    const pieces = Array.from({ length: Math.ceil(body.length / TEXT_CHUNK) }, (_, i) =>
      body.subarray(i * TEXT_CHUNK, (i + 1) * TEXT_CHUNK),
    );
    const isCompressed = compression !== 'none';
    const stored = isCompressed ? chunks(pieces, 1) : body;
    const start = file.length;
    borders.push(start);
    file
      .u16(BUFFER_TEXT)
      .u16(isCompressed ? COMPRESSED : 0)
      .u32(0)
      .u64(stored.length)
      .put(stored);
    const clock = /\[(\w+)\]/.exec(clocks)?.[1] ?? '';
    putOption(
      second,
      BUFFER_TEXT,
      new ByteWriter(littleEndian).u64(start).cstring(name).cstring(clock).finish(),
    );
  }
  second.u16(0).u32(8).u64(0);
  file.patchU64(optionsAt + 16 + nextInFirst, file.length);
  section(OPTIONS, second.finish(), false);
  return { bytes: file.finish(), borders };

  /** Writes the data of a buffer as a section; returns the option that describes it. */
  function writeBuffer({ name, cpus }: RecordedBuffer): Uint8Array {
    borders.push(file.length);
    const start = file.length;
    file
      .u16(BUFFER)
      .u16(compression === 'none' ? 0 : COMPRESSED)
      .u32(0)
      .u64(0);
    const option = new ByteWriter(littleEndian).u64(start).cstring(name);
    option.cstring(/\[(\w+)\]/.exec(clocks)?.[1] ?? '');
    if (hasPageSize) option.u32(recording.subBufferSize ?? SUB_BUFFER);
    option.u32(cpus.length);
    for (const { cpu, subBuffers } of cpus) {
      file.align(SUB_BUFFER);
      borders.push(file.length);
      const data = compression === 'none' ? concat(subBuffers) : chunks(subBuffers);
      // As trace-cmd has it, the size of compressed data leaves the count of chunks out.
      const size = compression === 'none' ? data.length : data.length - 4;
      option.u32(cpu).u64(file.length).u64(size);
      file.put(data);
    }
    file.patchU64(start + 8, file.length - start - 16);
    return option.finish();
  }

  function chunks(subBuffers: readonly Uint8Array[], inChunk = SUB_BUFFERS_IN_CHUNK): Uint8Array {
    const writer = new ByteWriter(littleEndian);
    writer.u32(Math.ceil(subBuffers.length / inChunk));
    for (let i = 0; i < subBuffers.length; i += inChunk) {
      writer.put(compress(concat(subBuffers.slice(i, i + inChunk))));
    }
    return writer.finish();
  }
}
