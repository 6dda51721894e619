import { type FormatText, parseFields, readFormatHeader } from '../events/event-format.ts';
import type { ByteReader } from '../file/byte-reader.ts';
import { latin1 } from '../file/latin1.ts';
import { quoted, TraceError } from '../trace-error.ts';

/** Where a ring-buffer sub-buffer keeps its header, from the kernel's own `header_page` text. */
export interface PageLayout {
  readonly timestampOffset: number;
  readonly commitOffset: number;
  /** 8 on 64-bit kernels, 4 on 32-bit ones. */
  readonly commitSize: number;
  readonly dataOffset: number;
  /** Bytes of a whole sub-buffer. */
  readonly subBufferSize: number;
}

/** Bytes of the smallest page that Linux runs with: no sub-buffer is smaller. */
export const SMALLEST_SUB_BUFFER = 4096;

/** @throws {@link TraceError} where the text lacks a field that every kernel has */
export function parseHeaderPage(text: string, file: string): PageLayout {
  const fields = new Map(parseFields(text).map(field => [field.name, field]));
  const timestamp = fields.get('timestamp');
  const commit = fields.get('commit');
  const data = fields.get('data');
  if (!timestamp || !commit || !data) {
    throw new TraceError(file, 'its header_page does not describe timestamp, commit and data; it is damaged');
  }
  const subBufferSize = data.offset + data.size;
  const isLong = commit.size === 4 || commit.size === 8;
  const fitsHeader = timestamp.offset + 8 <= data.offset && commit.offset + commit.size <= data.offset;
  // Records begin at multiples of 4 bytes.
  const isAligned = data.offset % 4 === 0 && subBufferSize % 4 === 0;
  if (!isLong || !fitsHeader || !isAligned || subBufferSize < SMALLEST_SUB_BUFFER) {
    throw new TraceError(
      file,
      `its header_page has a timestamp at ${timestamp.offset}, a commit of ${commit.size} bytes at ${commit.offset} and ${data.size} bytes of data at ${data.offset}, which is no sub-buffer of any kernel; it is damaged`,
    );
  }
  return {
    timestampOffset: timestamp.offset,
    commitOffset: commit.offset,
    commitSize: commit.size,
    dataOffset: data.offset,
    subBufferSize,
  };
}

/** What a recording says of its ring buffer. */
export interface HeaderInfo {
  readonly layout: PageLayout;
  readonly headerPage: string;
  /** Fixed by the kernel's ABI, and only kept. */
  readonly headerEvent: string;
}

/** `header_page` and `header_event` of a recording. */
export function readHeaderInfo(reader: ByteReader, file: string): HeaderInfo {
  expectTag(reader, 'header_page', file);
  const headerPage = latin1(reader.slice(reader.u64()));
  expectTag(reader, 'header_event', file);
  const headerEvent = latin1(reader.slice(reader.u64()));
  return { layout: parseHeaderPage(headerPage, file), headerPage, headerEvent };
}

function expectTag(reader: ByteReader, tag: string, file: string): void {
  const found = reader.cstring();
  if (found !== tag) {
    throw new TraceError(file, `holds ${quoted(found)} where ${tag} should be; it is damaged`);
  }
}

/** The formats of ftrace's own events, such as `kernel_stack`. */
export function readFtraceFormats(reader: ByteReader): FormatText[] {
  return readFormats(reader, 'ftrace', reader.u32());
}

/** The formats of all recorded events, by system. */
export function readEventFormats(reader: ByteReader): FormatText[] {
  const formats: FormatText[] = [];
  const systems = reader.u32();
  for (let i = 0; i < systems; i++) {
    const system = reader.cstring();
    for (const format of readFormats(reader, system, reader.u32())) formats.push(format);
  }
  return formats;
}

function readFormats(reader: ByteReader, system: string, count: number): FormatText[] {
  const formats: FormatText[] = [];
  for (let i = 0; i < count; i++) {
    const format = readFormatHeader(system, latin1(reader.slice(reader.u64())));
    if (format) formats.push(format);
  }
  return formats;
}

/** `saved_cmdlines`: one `PID NAME` a line. */
export function parseCommandNames(text: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of latin1(text).split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) names.set(Number(line.slice(0, space)), line.slice(space + 1));
  }
  return names;
}

/** The clock in brackets of `local global [mono]`, tracefs `trace_clock`. */
export function parseTraceClock(text: string): string | undefined {
  return /\[([^[\]]+)\]/.exec(text)?.[1];
}

/** The number that a line of `per_cpu/cpuN/stats` names; 0 where it is absent. */
export function cpuStatistic(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text);
  return match ? Number(match[1]) : 0;
}
