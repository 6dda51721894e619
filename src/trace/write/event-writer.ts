import type { EventField, EventFormat } from '../events/event-format.ts';
import type { KernelAbi } from './abi.ts';
import type { CpuRing } from './cpu-ring.ts';
import { fixedSize } from './event-shape.ts';

/** What a field may hold: a number, all bits of one, a text, or the elements of an array. */
export type FieldValue = number | bigint | string | Uint8Array | readonly (number | bigint)[];

/** Writes one field into a record at `payload`; texts and arrays go to `tail`, whose new end is returned. */
type PutField = (view: DataView, payload: number, tail: number, value: FieldValue) => number;

/** Bytes of a value behind the fixed part of its record. */
type TailSize = (value: FieldValue) => number;

/** Writes the records of one kind of event. */
export class EventWriter {
  readonly format: EventFormat;
  private readonly littleEndian: boolean;
  private readonly fixed: number;
  private readonly names: readonly string[];
  private readonly putters: readonly PutField[];
  private readonly tails: readonly (TailSize | undefined)[];
  private readonly constants: readonly (FieldValue | undefined)[];

  /** @param constants what some fields hold in every record, such as the place of a probe */
  constructor(format: EventFormat, abi: KernelAbi, constants: Readonly<Record<string, FieldValue>> = {}) {
    const own = format.fields.filter(({ name }) => !name.startsWith('common_'));
    this.format = format;
    this.littleEndian = abi.littleEndian;
    this.fixed = fixedSize(format);
    this.names = own.map(({ name }) => name);
    this.putters = own.map(field => putterOf(field, abi));
    this.tails = own.map(field => (isDynamic(field) ? tailSizeOf(field, abi) : undefined));
    this.constants = own.map(({ name }) => constants[name]);
  }

  /**
   * Writes one record into the ring of its CPU.
   *
   * @param flags `common_flags`
   * @param values by the names of the fields; a field without one is 0 or empty
   */
  write(
    ring: CpuRing,
    timeNs: number,
    pid: number,
    flags: number,
    values: Readonly<Record<string, FieldValue>>,
  ): void {
    const { names, tails, putters, constants, fixed } = this;
    let size = fixed;
    for (let i = 0; i < names.length; i++) {
      const value = constants[i] ?? values[names[i] as string];
      if (tails[i] && value !== undefined) size += (tails[i] as TailSize)(value);
    }
    const payload = ring.reserve(timeNs, size);
    const { view } = ring;
    ring.bytes.fill(0, payload, payload + size);
    putCommon(view, payload, this.littleEndian, this.format.id, flags, pid);
    let tail = payload + fixed;
    for (let i = 0; i < names.length; i++) {
      const value = constants[i] ?? values[names[i] as string];
      if (value !== undefined) tail = (putters[i] as PutField)(view, payload, tail, value);
    }
  }
}

/** `struct trace_entry`, which every record begins with (include/linux/trace_events.h). */
export function putCommon(
  view: DataView,
  at: number,
  littleEndian: boolean,
  id: number,
  flags: number,
  pid: number,
): void {
  view.setUint16(at, id, littleEndian);
  view.setUint8(at + 2, flags);
  view.setUint8(at + 3, 0);
  view.setInt32(at + 4, pid, littleEndian);
}

/** Writes a whole number of 8 bytes, exact up to 2^53; a negative one as its two's complement. */
export function putWide(view: DataView, at: number, value: number, littleEndian: boolean): void {
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value - high * 0x1_0000_0000;
  view.setUint32(at, littleEndian ? low : high, littleEndian);
  view.setUint32(at + 4, littleEndian ? high : low, littleEndian);
}

function isDynamic({ layout }: EventField): boolean {
  return layout === 'data_loc' || layout === 'rel_loc';
}

/** Bytes of an element of a dynamic or in-place array, by its C type. */
function elementSize({ type }: EventField, { longSize }: KernelAbi): number {
  if (/\b(u64|s64|phys_addr_t|dma_addr_t|long long)\b/.test(type)) return 8;
  if (/\blong\b/.test(type)) return longSize;
  if (/\b(char|u8|s8|bool)\b/.test(type)) return 1;
  return /\b(short|u16|s16)\b/.test(type) ? 2 : 4;
}

function tailSizeOf(field: EventField, abi: KernelAbi): TailSize {
  const element = elementSize(field, abi);
  return value => {
    if (typeof value === 'string') return value.length + 1;
    if (value instanceof Uint8Array) return value.length;
    return typeof value === 'object' ? value.length * element : element;
  };
}

function putterOf(field: EventField, abi: KernelAbi): PutField {
  const { offset, size, layout } = field;
  const { littleEndian } = abi;
  if (layout === 'scalar') {
    return (view, payload, tail, value) => {
      if (typeof value !== 'object' && typeof value !== 'string') {
        putNumber(view, payload + offset, size, value, littleEndian);
      }
      return tail;
    };
  }
  const element = elementSize(field, abi);
  if (layout === 'array') {
    return (view, payload, tail, value) => {
      putElements(view, payload + offset, size, element, value, littleEndian);
      return tail;
    };
  }
  const bytesOf = tailSizeOf(field, abi);
  return (view, payload, tail, value) => {
    const bytes = bytesOf(value);
    // The place is counted from the record, or from the end of the field that holds it.
    const place = layout === 'data_loc' ? tail - payload : tail - payload - offset - 4;
    view.setUint32(payload + offset, bytes * 0x1_0000 + place, littleEndian);
    putElements(view, tail, bytes, element, value, littleEndian);
    return tail + bytes;
  };
}

/** Writes a text with its NUL or the elements of an array, cut to `room` bytes. */
function putElements(
  view: DataView,
  at: number,
  room: number,
  element: number,
  value: FieldValue,
  littleEndian: boolean,
): void {
  if (typeof value === 'string') {
    const length = Math.min(value.length, room - 1);
    for (let i = 0; i < length; i++) view.setUint8(at + i, value.charCodeAt(i));
    view.setUint8(at + length, 0);
  } else if (value instanceof Uint8Array) {
    for (let i = 0; i < Math.min(value.length, room); i++) view.setUint8(at + i, value[i] as number);
  } else {
    const list = typeof value === 'object' ? value : [value];
    const count = Math.min(list.length, Math.floor(room / element));
    for (let i = 0; i < count; i++) {
      putNumber(view, at + i * element, element, list[i] as number | bigint, littleEndian);
    }
  }
}

function putNumber(
  view: DataView,
  at: number,
  size: number,
  value: number | bigint,
  littleEndian: boolean,
): void {
  if (size === 8) {
    if (typeof value === 'number') putWide(view, at, value, littleEndian);
    else view.setBigUint64(at, BigInt.asUintN(64, value), littleEndian);
    return;
  }
  const number = typeof value === 'number' ? value : Number(BigInt.asUintN(size * 8, value));
  if (size === 4) view.setUint32(at, number, littleEndian);
  else if (size === 2) view.setUint16(at, number, littleEndian);
  else view.setUint8(at, number);
}
