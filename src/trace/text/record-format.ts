import type { EventField } from '../events/event-format.ts';
import type { PlacedField } from './body-trace.ts';
import type { ValueForm } from './event-forms.ts';

/** Bytes of `struct trace_entry`, and of each field behind it. */
export const COMMON_BYTES = 8;
export const FIELD_BYTES = 8;

/** The fields of `struct trace_entry`, include/linux/trace_events.h. */
export const COMMON_FIELDS: readonly EventField[] = [
  common('unsigned short', 'common_type', 0, 2, false),
  common('unsigned char', 'common_flags', 2, 1, false),
  common('unsigned char', 'common_preempt_count', 3, 1, false),
  common('int', 'common_pid', 4, 4, true),
];

function common(type: string, name: string, offset: number, size: number, signed: boolean): EventField {
  return { type, name, offset, size, signed, layout: 'scalar' };
}

/** Where probes have their places in code: `(place)` of an entry, `(caller <- function)` of a return. */
export type ProbeShape = 'none' | 'entry' | 'return';

/** The fields of the records of a probe that are not its arguments. */
export function probeFields(shape: ProbeShape): readonly EventField[] {
  const names =
    shape === 'none' ? [] : shape === 'entry' ? ['__probe_ip'] : ['__probe_func', '__probe_ret_ip'];
  return names.map((name, i) => ({
    name,
    type: 'unsigned long',
    offset: COMMON_BYTES + i * FIELD_BYTES,
    size: FIELD_BYTES,
    signed: false,
    layout: 'scalar',
  }));
}

const LOCATED: Partial<Record<ValueForm, string>> = {
  string: '__data_loc char[]',
  text: '__data_loc char[]',
  wides: '__data_loc u64[]',
  words: '__data_loc unsigned int[]',
};

/** A field as the format of its records describes it. */
export function eventField({ name, form, offset, signed = false }: PlacedField): EventField {
  const type = LOCATED[form];
  return type === undefined
    ? { name, type: signed ? 's64' : 'u64', offset, size: FIELD_BYTES, signed, layout: 'scalar' }
    : { name, type, offset, size: 4, signed: false, layout: 'data_loc' };
}
