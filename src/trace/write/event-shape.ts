import { type EventField, type EventFormat, parseEventFormat } from '../events/event-format.ts';
import type { KernelAbi } from './abi.ts';

/** Bytes of the C types that occur in formats, by ABI; an `enum`, a `__data_loc` and `int` have 4. */
function sizeOf(type: string, { longSize }: KernelAbi): number {
  if (/^__(data|rel)_loc/.test(type)) return 4;
  if (type.includes('*') || /\b(long|size_t|uintptr_t)\b/.test(type)) {
    return /\blong long\b/.test(type) ? 8 : longSize;
  }
  if (/^(u64|s64|__u64|phys_addr_t|dma_addr_t)$/.test(type)) return 8;
  if (/^(u16|s16|unsigned short|short)$/.test(type)) return 2;
  if (/^(u8|s8|bool|char|unsigned char)$/.test(type)) return 1;
  return 4;
}

function isSigned(type: string): boolean {
  return /^(int|long|short|char|s8|s16|s32|s64)\b/.test(type);
}

const COMMON = [
  'unsigned short common_type',
  'unsigned char common_flags',
  'unsigned char common_preempt_count',
  'int common_pid',
];

/** `u64 iova`, `char name[16]`, `__data_loc char[] device`, with the size and the sign that the ABI gives it. */
interface Placed {
  readonly declaration: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

/** An event as a kernel declares it: from the C declarations of its fields comes the text of its format. */
export interface EventShape {
  readonly system: string;
  readonly name: string;
  /** `common_type` of its records. */
  readonly id: number;
  /** `events/SYSTEM/NAME/format` */
  readonly text: string;
  readonly format: EventFormat;
}

/**
 * Lays out an event as the compiler would.
 *
 * @param fields C declarations: `u64 iova`, `size_t size`, `__data_loc char[] device`, `unsigned long caller[8]`
 * @param print what stands behind `print fmt:`
 */
export function shapeEvent(
  abi: KernelAbi,
  system: string,
  name: string,
  id: number,
  fields: readonly string[],
  print: string,
): EventShape {
  let offset = 0;
  const placed = [...COMMON, ...fields].map((declaration): Placed => {
    const [, type = '', count] = /^(.*?)\s*\w+(?:\[(\d+)\])?$/.exec(declaration) ?? [];
    const element = sizeOf(type, abi);
    offset = Math.ceil(offset / element) * element;
    const size = element * Number(count ?? 1);
    const field = { declaration, offset, size, signed: isSigned(type) };
    offset += size;
    return field;
  });
  const line = (field: Placed): string =>
    `\tfield:${field.declaration};\toffset:${field.offset};\tsize:${field.size};\tsigned:${field.signed ? 1 : 0};\n`;
  const text =
    `name: ${name}\nID: ${id}\nformat:\n${placed.slice(0, COMMON.length).map(line).join('')}\n` +
    `${placed.slice(COMMON.length).map(line).join('')}\nprint fmt: ${print}\n`;
  return { system, name, id, text, format: parseEventFormat({ system, name, id, text }) };
}

/** Bytes of the fixed part of a record. */
export function fixedSize({ fields }: EventFormat): number {
  return fields.reduce((end, field) => Math.max(end, field.offset + field.size), 0);
}

/** @throws Error for a name that the format does not have: the caller knows its formats */
export function fieldNamed(format: EventFormat, name: string): EventField {
  const field = format.fields.find(candidate => candidate.name === name);
  if (!field) throw new Error(`${format.system}:${format.name} has no field ${name}`);
  return field;
}
