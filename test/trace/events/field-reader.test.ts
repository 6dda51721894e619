import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventField } from '../../../src/trace/events/event-format.ts';
import {
  extentReader,
  findField,
  numberReader,
  pointer,
  pointerReader,
  textAt,
} from '../../../src/trace/events/field-reader.ts';
import { newRawEvent, type RawEvent } from '../../../src/trace/events/raw-event.ts';
import { wordsOf } from '../../../src/trace/events/words.ts';
import { EventType } from '../../helpers/event-type.ts';
import { MACHINES, type Machine, S390, X86_64 } from '../../helpers/ring-buffer.ts';

/** A record somewhere in a chunk: nothing before or behind it belongs to it. */
function eventOf(machine: Machine, bytes: Uint8Array): RawEvent {
  const chunk = new Uint8Array(bytes.length + 64).fill(0x77);
  chunk.set(bytes, 24);
  const event = newRawEvent(machine.littleEndian);
  // The view ends with the record, as that of the last record in a file does.
  event.view = new DataView(chunk.buffer, 8, 16 + bytes.length);
  event.words = wordsOf(new Uint8Array(chunk.buffer, 8, 16 + bytes.length), machine.littleEndian);
  event.payload = 16;
  event.payloadSize = bytes.length;
  return event;
}

function scalar(offset: number, size: number, signed = false): EventField {
  return { name: 'value', type: 'u64', offset, size, signed, layout: 'scalar' };
}

const DMA = new EventType('dma', 'dma_map_sg', 1, [
  ['__data_loc char[] device', 4],
  ['__data_loc u64[] phys_addrs', 4],
  ['__rel_loc char[] driver', 4],
  ['char comm[16]', 16],
  ['u64 iova', 8],
  ['s32 ret', 4, 'signed'],
  ['u16 port', 2],
  ['s16 delta', 2, 'signed'],
  ['bool truncated', 1],
  ['s8 level', 1, 'signed'],
]);

function field(name: string): EventField {
  const found = findField(DMA.format, name);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

describe.each(MACHINES)('the fields of a record of %s', (_, machine) => {
  const event = eventOf(
    machine,
    DMA.record(machine, {
      device: '0000:00:04.0',
      phys_addrs: [0x1000, 0x12_3456_7000],
      driver: 'edu',
      comm: 'insmod',
      iova: 0xffff_f000,
      ret: -98,
      port: 0xfffe,
      delta: -2,
      truncated: 1,
      level: -3,
    }),
  );

  it.each([
    ['iova', 0xffff_f000],
    ['ret', -98],
    ['port', 0xfffe],
    ['delta', -2],
    ['truncated', 1],
    ['level', -3],
  ])('%s is %d', (name, value) => {
    expect(numberReader(field(name))(event)).toBe(value);
  });

  it.each([
    ['device', '0000:00:04.0'],
    ['driver', 'edu'],
    ['comm', 'insmod'],
  ])('%s is the text %s, without its NUL', (name, text) => {
    const extent = { at: 0, bytes: 0 };
    extentReader(field(name))(event, extent);
    expect(textAt(event, extent)).toBe(text);
  });

  it('an array has a place and a length in bytes', () => {
    const extent = { at: 0, bytes: 0 };
    extentReader(field('phys_addrs'))(event, extent);
    expect(extent.bytes).toBe(16);
    expect(event.view.getBigUint64(extent.at + 8, machine.littleEndian)).toBe(0x12_3456_7000n);
  });
});

describe('numbers of 64 bits', () => {
  const read = (value: bigint, signed = false): number => {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigInt64(0, BigInt.asIntN(64, value), true);
    return numberReader(scalar(0, 8, signed))(eventOf(X86_64, new Uint8Array(bytes.buffer)));
  };

  it('are exact to 2^53, and for page-aligned addresses above', () => {
    expect(read(0x1f_ffff_ffff_ffffn)).toBe(Number.MAX_SAFE_INTEGER);
    expect(BigInt(read(0xfff0_1234_5678_9000n))).toBe(0xfff0_1234_5678_9000n);
  });

  it('keep the sign of a signed field', () => {
    expect(read(-1n, true)).toBe(-1);
    expect(read(-4096n, true)).toBe(-4096);
    expect(read(-1n)).toBe(2 ** 64);
  });

  it('are the nearest float64 of every value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), value => {
        expect(read(value)).toBe(Number(value));
        expect(read(value, true)).toBe(Number(BigInt.asIntN(64, value)));
      }),
    );
  });
});

describe('a pointer', () => {
  it('keeps all of its 64 bits, as two halves', () => {
    for (const machine of [X86_64, S390]) {
      const bytes = new DataView(new ArrayBuffer(8));
      bytes.setBigUint64(0, 0xff11_0000_049a_1e01n, machine.littleEndian);
      pointerReader(scalar(0, 8))(eventOf(machine, new Uint8Array(bytes.buffer)));
      expect(pointer).toEqual({ high: 0xff11_0000, low: 0x049a_1e01 });
    }
  });

  it('of a 32-bit kernel has an upper half of 0', () => {
    pointerReader(scalar(0, 4))(eventOf(X86_64, Uint8Array.of(1, 2, 3, 0xc0)));
    expect(pointer).toEqual({ high: 0, low: 0xc003_0201 });
  });
});

describe('a record that is shorter than its format says', () => {
  it('has 0 for numbers that are not in it', () => {
    const event = eventOf(X86_64, new Uint8Array(10).fill(0xff));
    for (const size of [1, 2, 4, 8]) {
      expect(numberReader(scalar(10 - size, size))(event)).toBe(2 ** (size * 8) - (size === 8 ? 0 : 1));
      expect(numberReader(scalar(11 - size, size))(event)).toBe(0);
    }
  });

  it('has a NULL pointer', () => {
    const event = eventOf(X86_64, new Uint8Array(10).fill(0xff));
    pointerReader(scalar(3, 8))(event);
    expect(pointer).toEqual({ high: 0, low: 0 });
    pointerReader(scalar(7, 4))(event);
    expect(pointer).toEqual({ high: 0, low: 0 });
  });

  it('has an empty array behind its end, and one that is cut at its end', () => {
    const array: EventField = {
      name: 'a',
      type: 'char',
      offset: 8,
      size: 16,
      signed: false,
      layout: 'array',
    };
    const extent = { at: 0, bytes: 0 };
    const event = eventOf(X86_64, Buffer.from('........abcd', 'latin1'));
    extentReader(array)(event, extent);
    expect([extent.bytes, textAt(event, extent)]).toEqual([4, 'abcd']);
    extentReader({ ...array, offset: 5000 })(event, extent);
    expect([extent.bytes, textAt(event, extent)]).toEqual([0, '']);
  });

  it('has a dynamic array that is cut at its end, or none', () => {
    const dynamic: EventField = {
      name: 'a',
      type: '__data_loc char[]',
      offset: 0,
      size: 4,
      signed: false,
      layout: 'data_loc',
    };
    const extent = { at: 0, bytes: 0 };
    const place = (start: number, bytes: number): RawEvent =>
      eventOf(X86_64, Uint8Array.of(start, 0, bytes, 0, 0x61, 0x62, 0x63, 0x64));
    extentReader(dynamic)(place(6, 200), extent);
    expect(extent.bytes).toBe(2);
    extentReader(dynamic)(place(9, 1), extent);
    expect(extent.bytes).toBe(0);
  });
});

describe('for every field and every record', () => {
  it('nothing outside of the record is read', () => {
    const layouts = fc.constantFrom(
      'scalar' as const,
      'array' as const,
      'data_loc' as const,
      'rel_loc' as const,
    );
    const places = fc.oneof(fc.nat(70), fc.nat(0xffff_ffff));
    const fields = fc.record({
      name: fc.constant('f'),
      type: fc.constant('u8'),
      offset: places,
      size: fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 8, 16), places),
      signed: fc.boolean(),
      layout: layouts,
    });
    fc.assert(
      fc.property(
        fields,
        fc.uint8Array({ minLength: 8, maxLength: 64 }),
        fc.boolean(),
        (any, bytes, littleEndian) => {
          const event = eventOf({ littleEndian, longSize: 8 }, bytes);
          numberReader(any)(event);
          pointerReader(any)(event);
          const extent = { at: 0, bytes: 0 };
          extentReader(any)(event, extent);
          textAt(event, extent);
          expect(extent.bytes).toBeGreaterThanOrEqual(0);
          if (extent.bytes > 0) {
            expect(extent.at).toBeGreaterThanOrEqual(event.payload);
            expect(extent.at + extent.bytes).toBeLessThanOrEqual(event.payload + event.payloadSize);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
