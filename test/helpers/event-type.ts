import { type EventFormat, parseEventFormat, readFormatHeader } from '../../src/trace/events/event-format.ts';
import type { Machine } from './ring-buffer.ts';

/** A field as a format has it: `['u64 iova', 8]`, `['__data_loc char[] dev', 4]`. */
export type FieldSpec = readonly [declaration: string, size: number, signed?: 'signed'];

/** What a record holds: numbers, texts, or the elements of an array. */
export type Values = Readonly<Record<string, number | bigint | string | readonly (number | bigint)[]>>;

/** Who made a record. */
export interface Maker {
  readonly pid?: number;
  /** `common_flags`. */
  readonly flags?: number;
}

const COMMON: readonly FieldSpec[] = [
  ['unsigned short common_type', 2],
  ['unsigned char common_flags', 1],
  ['unsigned char common_preempt_count', 1],
  ['int common_pid', 4, 'signed'],
];

interface Placed {
  readonly declaration: string;
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

/** A kind of event of a made-up kernel: its format text, and records that follow it. */
export class EventType {
  readonly system: string;
  readonly name: string;
  readonly id: number;
  private readonly fields: readonly Placed[];
  private readonly end: number;

  constructor(system: string, name: string, id: number, fields: readonly FieldSpec[]) {
    this.system = system;
    this.name = name;
    this.id = id;
    let offset = 0;
    this.fields = [...COMMON, ...fields].map(([declaration, size, signed]) => {
      offset = Math.ceil(offset / alignment(size)) * alignment(size);
      const placed = {
        declaration,
        name: /(\w+)(\[\w*\])?$/.exec(declaration)?.[1] ?? '',
        offset,
        size,
        signed: signed === 'signed',
      };
      offset += size;
      return placed;
    });
    this.end = offset;
  }

  /** As `events/SYSTEM/NAME/format` has it. */
  get text(): string {
    const line = ({ declaration, offset, size, signed }: Placed): string =>
      `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};\n`;
    const common = this.fields.slice(0, COMMON.length).map(line).join('');
    const own = this.fields.slice(COMMON.length).map(line).join('');
    const arguments_ = this.fields.slice(COMMON.length).map(({ name }) => `REC->${name}`);
    const print = this.fields.slice(COMMON.length).map(({ name }) => `${name}=%lx`);
    return (
      `name: ${this.name}\nID: ${this.id}\nformat:\n${common}\n${own}\n` +
      `print fmt: "${print.join(' ')}", ${arguments_.join(', ')}\n`
    );
  }

  get format(): EventFormat {
    const text = readFormatHeader(this.system, this.text);
    if (!text) throw new Error(`the format of ${this.name} has no header`);
    return parseEventFormat(text);
  }

  /** The bytes of one record, as the kernel would write them; fields without a value are 0. */
  record(machine: Machine, values: Values, { pid = 1, flags = 0 }: Maker = {}): Uint8Array {
    const dynamic: Uint8Array[] = [];
    let end = this.end;
    const all: Values = { common_type: this.id, common_flags: flags, common_pid: pid, ...values };
    const fixed = new DataView(new ArrayBuffer(this.end));
    for (const field of this.fields) {
      const value = all[field.name];
      if (value === undefined) continue;
      if (field.declaration.startsWith('__data_loc') || field.declaration.startsWith('__rel_loc')) {
        const bytes = elements(machine, field.declaration, value);
        const start = field.declaration.startsWith('__rel_loc') ? end - field.offset - 4 : end;
        fixed.setUint32(field.offset, bytes.length * 0x1_0000 + start, machine.littleEndian);
        dynamic.push(bytes);
        end += bytes.length;
      } else if (typeof value === 'number' || typeof value === 'bigint') {
        setNumber(fixed, field.offset, field.size, value, machine.littleEndian);
      } else {
        const bytes = elements(machine, field.declaration, value).subarray(0, field.size);
        new Uint8Array(fixed.buffer).set(bytes, field.offset);
      }
    }
    return new Uint8Array(Buffer.concat([new Uint8Array(fixed.buffer), ...dynamic]));
  }
}

function alignment(size: number): number {
  return size === 2 || size === 4 || size === 8 ? size : 1;
}

/** The bytes of a string with its NUL, or of an array. */
function elements(
  machine: Machine,
  declaration: string,
  value: string | number | bigint | readonly (number | bigint)[],
): Uint8Array {
  if (typeof value === 'string') return Buffer.from(`${value}\0`, 'latin1');
  const list = typeof value === 'object' ? value : [value];
  const size = /\b(u64|long)\b/.test(declaration) ? machineSize(machine, declaration) : 4;
  const view = new DataView(new ArrayBuffer(list.length * size));
  for (const [i, element] of list.entries()) setNumber(view, i * size, size, element, machine.littleEndian);
  return new Uint8Array(view.buffer);
}

function machineSize(machine: Machine, declaration: string): number {
  return declaration.includes('long') ? machine.longSize : 8;
}

function setNumber(
  view: DataView,
  at: number,
  size: number,
  value: number | bigint,
  littleEndian: boolean,
): void {
  const bits = BigInt.asUintN(size * 8, BigInt(value));
  if (size === 8) view.setBigUint64(at, bits, littleEndian);
  else if (size === 4) view.setUint32(at, Number(bits), littleEndian);
  else if (size === 2) view.setUint16(at, Number(bits), littleEndian);
  else view.setUint8(at, Number(bits));
}
