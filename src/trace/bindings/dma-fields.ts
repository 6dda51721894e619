import type { EventFormat } from '../events/event-format.ts';
import { findField, type NumberReader, numberReader } from '../events/field-reader.ts';
import { type BindingContext, deviceReader } from './context.ts';

/** The fields that all calls share. */
export function commonReaders(format: EventFormat, context: BindingContext) {
  const deviceField = findField(format, 'device');
  if (!deviceField) return undefined;
  return {
    device: deviceReader(context, deviceField),
    direction: numberOr(format, -1, 'dir'),
    attrs: numberOr(format, -1, 'attrs'),
  };
}

/** A reader of the first of these fields that the format has, or of a value that stands for none. */
export function numberOr(format: EventFormat, otherwise: number, ...names: readonly string[]): NumberReader {
  const field = findField(format, ...names);
  return field ? numberReader(field) : () => otherwise;
}
