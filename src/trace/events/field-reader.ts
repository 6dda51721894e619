import { latin1 } from '../file/latin1.ts';
import type { EventField, EventFormat } from './event-format.ts';
import type { RawEvent } from './raw-event.ts';

/** Reads one numeric field of an event; 0 where the record is too short for it. */
export type NumberReader = (event: RawEvent) => number;

/** The first field whose name is one of `names`, in their order. */
export function findField(format: EventFormat, ...names: readonly string[]): EventField | undefined {
  for (const name of names) {
    const field = format.fields.find(candidate => candidate.name === name);
    if (field) return field;
  }
  return undefined;
}

/**
 * A reader for a field of 1, 2, 4 or 8 bytes. Values of 8 bytes become float64: exact to 2^53, and above that for
 * multiples of 4096 (page-aligned addresses). Kernel pointers need {@link pointerReader}.
 */
export function numberReader(field: EventField): NumberReader {
  const { offset, size, signed } = field;
  switch (size) {
    case 1:
      return signed
        ? event => (fits(event, offset, 1) ? event.view.getInt8(event.payload + offset) : 0)
        : event => (fits(event, offset, 1) ? event.view.getUint8(event.payload + offset) : 0);
    case 2:
      return signed
        ? event =>
            fits(event, offset, 2) ? event.view.getInt16(event.payload + offset, event.littleEndian) : 0
        : event =>
            fits(event, offset, 2) ? event.view.getUint16(event.payload + offset, event.littleEndian) : 0;
    case 4:
      return signed
        ? event =>
            fits(event, offset, 4) ? event.view.getInt32(event.payload + offset, event.littleEndian) : 0
        : event =>
            fits(event, offset, 4) ? event.view.getUint32(event.payload + offset, event.littleEndian) : 0;
    default:
      return offset % 4 === 0 ? wideReader(offset, signed) : unalignedWideReader(offset, signed);
  }
}

/** The reader of most fields of most events, so it makes no calls. */
function wideReader(offset: number, signed: boolean): NumberReader {
  const end = offset + 8;
  return event => {
    if (end > event.payloadSize) return 0;
    const { words } = event;
    const at = (event.payload + offset) >> 2;
    const first = words[at] as number;
    const second = words[at + 1] as number;
    if (event.littleEndian) return (signed ? second | 0 : second) * 0x1_0000_0000 + first;
    return (signed ? first | 0 : first) * 0x1_0000_0000 + second;
  };
}

/** Fields of probes are packed: behind a short one, a long one is not aligned. */
function unalignedWideReader(offset: number, signed: boolean): NumberReader {
  return event => {
    if (offset + 8 > event.payloadSize) return 0;
    const { view, littleEndian } = event;
    const at = event.payload + offset;
    const first = view.getUint32(at, littleEndian);
    const second = view.getUint32(at + 4, littleEndian);
    const high = littleEndian ? second : first;
    return (signed ? high | 0 : high) * 0x1_0000_0000 + (littleEndian ? first : second);
  };
}

/** Upper and lower half of the pointer last read by {@link pointerReader}: one pair for all, read at once. */
export const pointer = { high: 0, low: 0 };

/** A reader that leaves an 8 or 4 byte pointer in {@link pointer}, all 64 bits exact. */
export function pointerReader(field: EventField): (event: RawEvent) => void {
  const { offset, size } = field;
  if (size >= 8 && offset % 4 === 0) {
    const end = offset + 8;
    return event => {
      const fits = end <= event.payloadSize;
      const at = (event.payload + offset) >> 2;
      const first = fits ? (event.words[at] as number) : 0;
      const second = fits ? (event.words[at + 1] as number) : 0;
      pointer.high = event.littleEndian ? second : first;
      pointer.low = event.littleEndian ? first : second;
    };
  }
  const bytes = size < 8 ? 4 : 8;
  return event => {
    const { view, littleEndian } = event;
    const at = event.payload + offset;
    if (offset + bytes > event.payloadSize) {
      pointer.high = 0;
      pointer.low = 0;
    } else if (bytes === 4) {
      pointer.high = 0;
      pointer.low = view.getUint32(at, littleEndian);
    } else {
      const first = view.getUint32(at, littleEndian);
      const second = view.getUint32(at + 4, littleEndian);
      pointer.high = littleEndian ? second : first;
      pointer.low = littleEndian ? first : second;
    }
  };
}

/** Where the bytes of a dynamic or in-place array are. */
export interface Extent {
  at: number;
  bytes: number;
}

/** Finds the bytes of an array, string or `__data_loc` field, cut to what the record holds. */
export function extentReader(field: EventField): (event: RawEvent, into: Extent) => void {
  const { offset, size, layout } = field;
  if (layout === 'array' || layout === 'scalar') {
    return (event, into) => {
      const start = Math.min(offset, event.payloadSize);
      into.at = event.payload + start;
      into.bytes = Math.min(size, event.payloadSize - start);
    };
  }
  return (event, into) => {
    into.at = 0;
    into.bytes = 0;
    if (!fits(event, offset, 4)) return;
    const word = event.view.getUint32(event.payload + offset, event.littleEndian);
    const start = (word & 0xffff) + (layout === 'rel_loc' ? offset + 4 : 0);
    if (start > event.payloadSize) return;
    into.at = event.payload + start;
    into.bytes = Math.min(word >>> 16, event.payloadSize - start);
  };
}

/** The text of an extent up to its NUL. */
export function textAt(event: RawEvent, extent: Extent): string {
  const { buffer, byteOffset } = event.view;
  const bytes = new Uint8Array(buffer, byteOffset + extent.at, extent.bytes);
  const end = bytes.indexOf(0);
  return latin1(end < 0 ? bytes : bytes.subarray(0, end));
}

/** A 64-bit value as float64; a signed one, or an all-ones one, keeps its sign. */
export function wideAt(event: RawEvent, at: number, signed = false): number {
  const first = event.view.getUint32(at, event.littleEndian);
  const second = event.view.getUint32(at + 4, event.littleEndian);
  const high = event.littleEndian ? second : first;
  const low = event.littleEndian ? first : second;
  return (signed ? high | 0 : high) * 0x1_0000_0000 + low;
}

function fits(event: RawEvent, offset: number, size: number): boolean {
  return offset + size <= event.payloadSize;
}
