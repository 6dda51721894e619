import type { PageLayout } from '../../src/trace/dat/metadata.ts';
import type { KernelAbi } from '../../src/trace/write/abi.ts';

/** The kernels of the tests, by what they decide about their ring buffer. */
export type Machine = KernelAbi;

/** x86-64, arm64. */
export const X86_64: Machine = { littleEndian: true, longSize: 8 };
/** 32-bit Arm. */
export const ARM: Machine = { littleEndian: true, longSize: 4 };
/** s390, 64-bit PowerPC in its big-endian form. */
export const S390: Machine = { littleEndian: false, longSize: 8 };
/** 32-bit PowerPC. */
export const PPC: Machine = { littleEndian: false, longSize: 4 };

/** Every kind of machine that a trace can come from. */
export const MACHINES: readonly (readonly [name: string, machine: Machine])[] = [
  ['a 64-bit little-endian machine', X86_64],
  ['a 32-bit little-endian machine', ARM],
  ['a 64-bit big-endian machine', S390],
  ['a 32-bit big-endian machine', PPC],
];

/** Bytes of a sub-buffer in the tests that do not say otherwise. */
export const SUB_BUFFER = 4096;

/** Where `struct buffer_data_page` has its fields: a timestamp, a commit word of the size of a long, the events. */
export function layoutOf({ longSize }: Machine, subBufferSize = SUB_BUFFER): PageLayout {
  return {
    timestampOffset: 0,
    commitOffset: 8,
    commitSize: longSize,
    dataOffset: 8 + longSize,
    subBufferSize,
  };
}

/** `RB_MISSED_EVENTS` and `RB_MISSED_STORED`, kernel/trace/ring_buffer.c. */
const MISSED_EVENTS = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;

const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;

/** Largest payload that `type_len` can say; above, the length stands in a word of its own. */
const LARGEST_SMALL = 28 * 4;
/** Bits of a `time_delta`. */
const DELTA_RANGE = 2 ** 27;

/** How a sub-buffer is closed. */
export interface Closing {
  /** Events missing before it: a count, or `uncounted`. */
  readonly missed?: number | 'uncounted';
  /** A commit word that is not the length of the events. */
  readonly committed?: number;
}

/**
 * Writes a ring-buffer sub-buffer event by event, as the kernel lays it out or as no kernel would: `CpuRing` writes
 * only what is right.
 */
export class SubBuffer {
  private readonly machine: Machine;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly dataOffset: number;
  private at: number;

  constructor(machine: Machine, timeNs: number, size = SUB_BUFFER) {
    this.machine = machine;
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.dataOffset = 8 + machine.longSize;
    this.at = this.dataOffset;
    this.wide(0, timeNs);
  }

  /** Bytes that are left for events. */
  get room(): number {
    return this.bytes.length - this.at;
  }

  /** Offset in the sub-buffer at which the next event will stand. */
  get offset(): number {
    return this.at;
  }

  /** A record, small or large as its length asks for; trailing bytes make it a multiple of 4. */
  event(delta: number, payload: Uint8Array): this {
    const size = Math.ceil(payload.length / 4) * 4;
    if (size === 0 || size > LARGEST_SMALL) return this.large(delta, payload);
    this.header(size / 4, delta);
    return this.put(payload, size);
  }

  /** A record whose length stands in its first word; 64-bit machines without unaligned access have no others. */
  large(delta: number, payload: Uint8Array): this {
    const size = Math.ceil(payload.length / 4) * 4;
    this.header(0, delta).word(size + 4);
    return this.put(payload, size);
  }

  /** Adds to the clock what no `time_delta` can hold. */
  timeExtend(delta: number): this {
    return this.header(TYPE_TIME_EXTEND, delta % DELTA_RANGE).word(Math.floor(delta / DELTA_RANGE));
  }

  /** Sets the clock, as after an interrupt that nested in a write. */
  timeStamp(timeNs: number): this {
    return this.header(TYPE_TIME_STAMP, timeNs % DELTA_RANGE).word(Math.floor(timeNs / DELTA_RANGE));
  }

  /** A record that was taken back (`ring_buffer_discard_commit()`); the kernel writes no delta of 0 here. */
  discarded(delta: number, payloadSize: number): this {
    const size = Math.ceil(payloadSize / 4) * 4;
    this.header(TYPE_PADDING, Math.max(delta, 1)).word(size + 4);
    this.at += size;
    return this;
  }

  /** Says that the rest of the sub-buffer is unused. */
  padding(): this {
    return this.header(TYPE_PADDING, 0);
  }

  /** The first word of an event: `type_len` and `time_delta` are bit-fields, mirrored on big-endian machines. */
  header(type: number, delta: number): this {
    return this.word(this.machine.littleEndian ? delta * 32 + type : type * DELTA_RANGE + delta);
  }

  word(value: number): this {
    this.view.setUint32(this.at, value, this.machine.littleEndian);
    this.at += 4;
    return this;
  }

  close({ missed, committed = this.at - this.dataOffset }: Closing = {}): Uint8Array {
    let commit = committed;
    if (missed !== undefined) commit += MISSED_EVENTS;
    if (typeof missed === 'number') {
      commit += MISSED_STORED;
      this.long(this.dataOffset + committed, missed);
    }
    this.long(8, commit);
    return this.bytes;
  }

  private put(payload: Uint8Array, size: number): this {
    this.bytes.set(payload, this.at);
    this.at += size;
    return this;
  }

  private long(at: number, value: number): void {
    if (this.machine.longSize === 8) this.wide(at, value);
    else this.view.setUint32(at, value, this.machine.littleEndian);
  }

  private wide(at: number, value: number): void {
    this.view.setBigUint64(at, BigInt(value), this.machine.littleEndian);
  }
}

/** A payload of `size` bytes that begins as `struct trace_entry` does; the rest counts up. */
export function record(machine: Machine, type: number, pid: number, size = 8, flags = 0): Uint8Array {
  const bytes = Uint8Array.from({ length: Math.max(size, 8) }, (_, i) => i & 0xff);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type, machine.littleEndian);
  view.setUint8(2, flags);
  view.setUint8(3, 0);
  view.setInt32(4, pid, machine.littleEndian);
  return bytes;
}
