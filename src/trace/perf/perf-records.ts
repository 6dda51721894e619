import { ByteReader } from '../file/byte-reader.ts';
import { latin1 } from '../file/latin1.ts';
import { type PerfAttr, readAttr, trailerOffset } from './perf-attr.ts';
import {
  CONTEXT_HIGH,
  CONTEXT_KERNEL,
  CONTEXT_LOWEST,
  FEATURE,
  READ,
  RECORD,
  SAMPLE,
  TYPE_TRACEPOINT,
} from './perf-format.ts';
import { addIds, type PerfHeader, textFeature } from './perf-header.ts';
import type { PerfChunk, SampleOrder } from './sample-order.ts';

/** Bytes of `struct perf_event_header`: u32 type, u16 misc, u16 size. */
export const RECORD_HEADER_BYTES = 8;

/** `struct trace_entry`: a record of a tracepoint is not shorter. */
const SMALLEST_RAW = 8;

/** `struct perf_event_header` of `PERF_RECORD_COMM`: pid, tid, then the name. */
const COMM_NAME = 16;

/** Who is told what the records hold. */
export interface RecordListener {
  lost(cpu: number, count: number, timeNs: number): void;
  /** A sample was read, not yet in the order of time. */
  sampled(cpu: number, timeNs: number): void;
  task(tid: number, name: string): void;
}

/** Reads the records of a perf.data, one at a time, from chunks that hold them whole. */
export class PerfRecords {
  /** Samples that could not be read: too short for what they should hold. */
  damaged = 0;
  /** Samples that were lost, of all events together; and of these what the kernel has told of where it was. */
  lostSamples = 0;
  lostTold = 0;
  /** Samples of events that are no tracepoints. */
  others = 0;

  private readonly header: PerfHeader;
  private readonly file: string;
  private readonly order: SampleOrder;
  private readonly listener: RecordListener;

  constructor(header: PerfHeader, file: string, order: SampleOrder, listener: RecordListener) {
    this.header = header;
    this.file = file;
    this.order = order;
    this.listener = listener;
  }

  /** Takes the record at `at`, of `size` bytes, if it is of a kind that means something. */
  accept(chunk: PerfChunk, type: number, at: number, size: number): void {
    switch (type) {
      case RECORD.sample:
        this.sample(chunk, at + RECORD_HEADER_BYTES, at + size);
        break;
      case RECORD.finishedRound:
        this.order.finishedRound();
        break;
      case RECORD.comm:
        this.comm(chunk, at, size);
        break;
      case RECORD.lost:
        // The id of the event, then the count.
        if (size >= RECORD_HEADER_BYTES + 16) this.lost(chunk, at, size, at + RECORD_HEADER_BYTES + 8);
        break;
      case RECORD.lostSamples:
        // Counted by perf at the end, for each event: what the records of loss have said is in it.
        if (size >= RECORD_HEADER_BYTES + 8) this.lostSamples += this.wide(chunk, at + RECORD_HEADER_BYTES);
        break;
      case RECORD.headerAttr:
        this.headerAttr(chunk, at, size);
        break;
      case RECORD.headerFeature:
        this.headerFeature(chunk, at, size);
        break;
    }
  }

  private sample(chunk: PerfChunk, at: number, end: number): void {
    const attr = this.attrOf(chunk, at, end);
    if (!attr || attr.type !== TYPE_TRACEPOINT || (attr.sampleType & SAMPLE.raw) === 0) {
      this.others++;
      return;
    }
    const type = attr.sampleType;
    const fields = (bits: number): number => (type & bits ? 8 : 0);
    at += fields(SAMPLE.identifier) + fields(SAMPLE.ip) + fields(SAMPLE.tid);
    const timeAt = at;
    at += fields(SAMPLE.time) + fields(SAMPLE.addr) + fields(SAMPLE.id) + fields(SAMPLE.streamId);
    const cpuAt = at;
    at += fields(SAMPLE.cpu) + fields(SAMPLE.period);
    if (type & SAMPLE.read) at = this.behindRead(chunk, attr.readFormat, at, end);
    let stack = 0;
    let stackBytes = 0;
    if (type & SAMPLE.callchain) {
      if (at + 8 > end) {
        this.damaged++;
        return;
      }
      const frames = this.wide(chunk, at);
      at += 8;
      if (frames > (end - at) / 8) {
        this.damaged++;
        return;
      }
      [stack, stackBytes] = this.kernelPart(chunk, at, frames);
      at += frames * 8;
    }
    if (at + 4 > end) {
      this.damaged++;
      return;
    }
    const rawBytes = chunk.view.getUint32(at, this.header.littleEndian);
    const raw = at + 4;
    if (rawBytes < SMALLEST_RAW || raw + rawBytes > end) {
      this.damaged++;
      return;
    }
    const timeNs = type & SAMPLE.time ? this.wide(chunk, timeAt) : 0;
    const cpu = type & SAMPLE.cpu ? chunk.view.getUint32(cpuAt, this.header.littleEndian) : 0;
    this.listener.sampled(cpu, timeNs);
    this.order.add(timeNs, cpu, chunk, raw, rawBytes, stack, stackBytes);
  }

  /** The event that a sample is of: by its number, which stands first or at a place that all events share. */
  private attrOf(chunk: PerfChunk, at: number, end: number): PerfAttr | undefined {
    const { attrs, attrById } = this.header;
    const [first] = attrs;
    if (!first || at + 8 > end) return undefined;
    if (attrs.length === 1) return first;
    const type = first.sampleType;
    if (type & SAMPLE.identifier) return attrById.get(this.wide(chunk, at));
    if ((type & SAMPLE.id) === 0) return first;
    const before = [SAMPLE.ip, SAMPLE.tid, SAMPLE.time, SAMPLE.addr].filter(bit => type & bit).length;
    return at + (before + 1) * 8 <= end ? attrById.get(this.wide(chunk, at + before * 8)) : undefined;
  }

  /** Where the counts of `PERF_SAMPLE_READ` end; `end` where they would go beyond. */
  private behindRead(chunk: PerfChunk, format: number, at: number, end: number): number {
    const of = (bits: number): number => (format & bits ? 8 : 0);
    const times = of(READ.enabled) + of(READ.running);
    const perEvent = 8 + of(READ.id) + of(READ.lost);
    if ((format & READ.group) === 0) return at + times + perEvent;
    if (at + 8 > end) return end;
    return Math.min(end, at + 8 + times + this.wide(chunk, at) * perEvent);
  }

  /** The frames between the mark of the kernel and the next mark: their offset and bytes. */
  private kernelPart(chunk: PerfChunk, at: number, frames: number): [offset: number, bytes: number] {
    const { littleEndian } = this.header;
    let start = -1;
    for (let i = 0; i < frames; i++) {
      const frame = at + i * 8;
      const high = chunk.view.getUint32(littleEndian ? frame + 4 : frame, littleEndian);
      const low = chunk.view.getUint32(littleEndian ? frame : frame + 4, littleEndian);
      if (high !== CONTEXT_HIGH || low < CONTEXT_LOWEST) continue;
      if (start >= 0) return [start, frame - start];
      if (low === CONTEXT_KERNEL) start = frame + 8;
    }
    return start < 0 ? [0, 0] : [start, at + frames * 8 - start];
  }

  private lost(chunk: PerfChunk, at: number, size: number, countAt: number): void {
    const [attr] = this.header.attrs;
    const timeBack = attr ? trailerOffset(attr, 'time') : 0;
    const cpuBack = attr ? trailerOffset(attr, 'cpu') : 0;
    const end = at + size;
    const behindCount = countAt + 8;
    const timeNs = timeBack > 0 && end - timeBack >= behindCount ? this.wide(chunk, end - timeBack) : 0;
    const cpu =
      cpuBack > 0 && end - cpuBack >= behindCount
        ? chunk.view.getUint32(end - cpuBack, this.header.littleEndian)
        : 0;
    const count = this.wide(chunk, countAt);
    if (count === 0) return;
    this.lostTold += count;
    this.listener.lost(cpu, count, timeNs);
  }

  private comm(chunk: PerfChunk, at: number, size: number): void {
    if (size <= COMM_NAME) return;
    const tid = chunk.view.getInt32(at + 12, this.header.littleEndian);
    const [name = ''] = latin1(chunk.bytes.subarray(at + COMM_NAME, at + size)).split('\0', 1);
    this.listener.task(tid, name);
  }

  private headerAttr(chunk: PerfChunk, at: number, size: number): void {
    const { littleEndian } = this.header;
    const bytes = chunk.bytes.subarray(at + RECORD_HEADER_BYTES, at + size);
    if (bytes.length < 8) {
      this.damaged++;
      return;
    }
    const attrSize = chunk.view.getUint32(at + RECORD_HEADER_BYTES + 4, littleEndian);
    const reader = new ByteReader(bytes, littleEndian, this.file, 0, 'an event of the stream');
    const attr = attrSize <= bytes.length ? readAttr(reader, attrSize, littleEndian) : undefined;
    if (!attr) {
      this.damaged++;
      return;
    }
    this.header.attrs.push(attr);
    addIds(this.header, attr, reader);
  }

  private headerFeature(chunk: PerfChunk, at: number, size: number): void {
    if (size < RECORD_HEADER_BYTES + 8) return;
    const id = this.wide(chunk, at + RECORD_HEADER_BYTES);
    const text = textFeature(
      chunk.bytes.subarray(at + RECORD_HEADER_BYTES + 8, at + size),
      this.header.littleEndian,
    );
    if (id === FEATURE.osRelease) this.header.osRelease = text;
    if (id === FEATURE.arch) this.header.arch = text;
  }

  /** 64 bits as float64: times, counts and ids. */
  private wide({ view }: PerfChunk, at: number): number {
    const { littleEndian } = this.header;
    const first = view.getUint32(at, littleEndian);
    const second = view.getUint32(at + 4, littleEndian);
    return littleEndian ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
  }
}
