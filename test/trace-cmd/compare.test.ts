import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EventField, EventFormat } from '../../src/trace/events/event-format.ts';
import type { RawEvent } from '../../src/trace/events/raw-event.ts';
import type { SymbolLookup } from '../../src/trace/names/symbols.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { type FieldValue, fieldReader, ownFields, textOf } from '../helpers/event-fields.ts';
import { hasTraceCmd, type ReportedEvent, splitFields, traceCmdReport } from '../helpers/trace-cmd.ts';
import { FIXTURES, RECORDINGS, tracesBelow } from '../helpers/traces.ts';

const installed = hasTraceCmd();
const recordings = tracesBelow(RECORDINGS);
const noTool = ' (skipped: trace-cmd is not installed)';
const noRecordings = ' (skipped: ../shared/traces is not there)';

// Need Debian's trace-cmd, which CI installs, and the second one the recordings, which are too large to be committed:
// where one is missing, the title of the suite says that it was skipped.
describe.skipIf(!installed)(`we read what trace-cmd reads in every fixture${installed ? '' : noTool}`, () => {
  it.each(tracesBelow(FIXTURES))('%s', name => expectSameReading(join(FIXTURES, name)));
});

describe.skipIf(!installed || recordings.length === 0)(
  `we read what trace-cmd reads in every whole recording${!installed ? noTool : recordings.length === 0 ? noRecordings : ''}`,
  () => {
    it.each(recordings.length === 0 ? [''] : recordings)('%s', name =>
      expectSameReading(join(RECORDINGS, name)),
    );
  },
);

/** Differences that are shown: the first one mostly explains the others. */
const SHOWN = 5;

async function expectSameReading(path: string): Promise<void> {
  const report = traceCmdReport(path);
  const source = await TraceSource.open(path);
  try {
    const differences: string[] = [];
    const losses: { cpu: number; count: number }[] = [];
    const stacks = stackComparison();
    let next = 0;
    source.walk(
      id => {
        const format = source.format(id);
        if (!format) throw new Error(`event ${id} has no format`);
        const compareFields = fieldComparison(format, source.names.symbols);
        return event => {
          const reported = report.events[next];
          const difference =
            reported === undefined
              ? 'trace-cmd has no more events'
              : (compareCommon(event, format, reported, source) ??
                compareFields(event, reported.fields) ??
                stacks.compare(event, format, reported.fields));
          if (difference !== undefined && differences.length < SHOWN)
            differences.push(`${next}: ${difference}`);
          next++;
        };
      },
      { eventsLost: (cpu, count) => losses.push({ cpu, count }) },
    );
    expect(differences).toEqual([]);
    expect(next, 'number of events').toBe(report.events.length);
    expect(next).toBeGreaterThan(0);
    // We tell of a loss as soon as it is known, trace-cmd when it comes to the event behind it.
    expect(losses.sort(byCpu)).toEqual([...report.losses].sort(byCpu));
    expect(source.gaps).toEqual([]);
  } finally {
    source.close();
  }
}

function byCpu(a: { readonly cpu: number }, b: { readonly cpu: number }): number {
  return a.cpu - b.cpu;
}

/** @returns what differs in that which all events have, `undefined` for nothing */
function compareCommon(
  event: RawEvent,
  format: EventFormat,
  reported: ReportedEvent,
  source: TraceSource,
): string | undefined {
  const same =
    event.timeNs === reported.timeNs &&
    event.cpu === reported.cpu &&
    event.pid === reported.pid &&
    format.name === reported.name &&
    source.names.task(event.pid) === reported.task;
  if (same) return undefined;
  const { task, pid, cpu, timeNs, name } = reported;
  return (
    `we have ${source.names.task(event.pid)}-${event.pid} [${event.cpu}] ${event.timeNs}: ${format.name}, ` +
    `trace-cmd has ${task}-${pid} [${cpu}] ${timeNs}: ${name}`
  );
}

type FieldComparison = (event: RawEvent, reported: string) => string | undefined;

/** Systems whose fields are compared, beside those of all probes. */
const COMPARED = new Set(['iommu', 'dma', 'kmem', 'page_pool']);

/** Compares all fields of an event with `NAME=VALUE NAME=VALUE`; `undefined` is returned where they are the same. */
function fieldComparison(format: EventFormat, symbols: SymbolLookup): FieldComparison {
  const fields = ownFields(format);
  const isProbe = fields.some(({ name }) => name === '__probe_ip' || name === '__probe_func');
  if (!isProbe && !COMPARED.has(format.system)) return () => undefined;
  const names = fields.map(({ name }) => name);
  const readers = fields.map(fieldReader);
  const compare = fields.map(field => valueComparison(field, symbols));
  return (event, reported) => {
    const texts = splitFields(reported, names);
    if (!texts) return `we have the fields ${names.join(', ')}, trace-cmd has ${reported}`;
    for (let i = 0; i < fields.length; i++) {
      const value = readers[i]?.(event);
      const text = texts[i];
      if (value === undefined || text === undefined || !compare[i]?.(value, text)) {
        return `${format.system}:${format.name}, ${names[i]}: we have ${shown(value)}, trace-cmd has ${text}`;
      }
    }
    return undefined;
  };
}

function shown(value: FieldValue | undefined): string {
  return value instanceof Uint8Array ? `[${Buffer.from(value).toString('hex')}]` : String(value);
}

/** Says whether a value is what trace-cmd printed. */
type ValueComparison = (value: FieldValue, text: string) => boolean;

function valueComparison(field: EventField, symbols: SymbolLookup): ValueComparison {
  // A number without 0x may be decimal or hexadecimal, as the event's print format has it: one for all its values.
  let mayBeDecimal = true;
  let mayBeHexadecimal = true;
  return (value, text) => {
    if (value instanceof Uint8Array) {
      return text.startsWith('ARRAY[') ? sameBytes(value, text) : textOf(value) === text;
    }
    const bits = BigInt.asUintN(field.size * 8, value);
    if (text === '(nil)') return bits === 0n;
    if (text.startsWith('0x')) return bits === BigInt(text);
    if (text.includes('+0x')) {
      const match = symbols.at(Number(bits >> 32n), Number(bits & 0xffff_ffffn));
      return text === `${match?.name}+0x${match?.offset?.toString(16)}`;
    }
    mayBeDecimal &&= value.toString() === text;
    mayBeHexadecimal &&= bits.toString(16) === text;
    return mayBeDecimal || mayBeHexadecimal;
  };
}

function sameBytes(bytes: Uint8Array, text: string): boolean {
  return text === `ARRAY[${byteList(bytes)}]`;
}

/** `00, 50, 34` */
function byteList(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(', ');
}

/** Bytes of a stack that trace-cmd prints: `kernel_stack` declares `caller[8]`, whatever was recorded. */
const PRINTED_STACK = 64;

/** Compares the stack that an event carries with the `kernel_stack` that trace-cmd prints behind it. */
function stackComparison() {
  const carried = new Map<number, Uint8Array>();
  const contexts = new Map<number, number>();
  return {
    compare(event: RawEvent, format: EventFormat, reported: string): string | undefined {
      const { cpu, context } = event;
      const stack = carried.get(cpu);
      carried.delete(cpu);
      if (event.stackBytes > 0) {
        // Words in the order of this machine are the bytes themselves.
        const { buffer, byteOffset } = event.stackWords;
        carried.set(cpu, new Uint8Array(buffer, byteOffset + event.stackAt, event.stackBytes).slice());
      }
      const isSameThread = contexts.get(cpu) === context;
      contexts.set(cpu, context);
      if (format.name !== 'kernel_stack') {
        return stack === undefined ? undefined : 'the event before it carries a stack, but no stack follows';
      }
      // An interrupt between an event and its stack: it must not get the stack of what it interrupted.
      if (stack === undefined)
        return isSameThread ? 'the event before it does not carry this stack' : undefined;
      if (!isSameThread) return 'the event before it carries the stack of another thread of execution';
      const expected = `size=${stack.length / 8} caller=ARRAY[${byteList(stack.subarray(0, PRINTED_STACK))}`;
      return reported.startsWith(expected) ? undefined : `we have ${expected}], trace-cmd has ${reported}`;
    },
  };
}
