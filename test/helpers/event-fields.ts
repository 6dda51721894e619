import type { EventField, EventFormat } from '../../src/trace/events/event-format.ts';
import { extentReader, numberReader, pointer, pointerReader } from '../../src/trace/events/field-reader.ts';
import type { RawEvent } from '../../src/trace/events/raw-event.ts';

/** Value of a field: bytes of an array or a string, or a number with all its bits. */
export type FieldValue = bigint | Uint8Array;

/** Reads one field of an event without binding it to a meaning. */
export type FieldReader = (event: RawEvent) => FieldValue;

/** The fields of a format that are its own, without those that every event has. */
export function ownFields(format: EventFormat): EventField[] {
  return format.fields.filter(field => !field.name.startsWith('common_'));
}

/** A reader for any field, made of the readers that the bindings use. */
export function fieldReader(field: EventField): FieldReader {
  if (field.layout !== 'scalar') {
    const read = extentReader(field);
    const extent = { at: 0, bytes: 0 };
    return event => {
      read(event, extent);
      return new Uint8Array(event.view.buffer, event.view.byteOffset + extent.at, extent.bytes);
    };
  }
  const number = numberReader(field);
  if (field.size < 8) return event => BigInt(number(event));
  const wide = pointerReader(field);
  return event => {
    wide(event);
    const bits = (BigInt(pointer.high) << 32n) | BigInt(pointer.low);
    const value = field.signed ? BigInt.asIntN(64, bits) : bits;
    // The float64 that the bindings work with must be the nearest one to the exact value.
    if (number(event) !== Number(value)) throw new Error(`${field.name}: ${number(event)} is not ${value}`);
    return value;
  };
}

/** The text of a string field, without its NUL and what may stand behind it. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}
