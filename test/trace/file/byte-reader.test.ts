import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../src/trace/file/byte-reader.ts';
import { TraceError } from '../../../src/trace/trace-error.ts';
import { ByteWriter } from '../../../src/trace/write/byte-writer.ts';

function readerOf(bytes: Uint8Array, littleEndian = true): ByteReader {
  return new ByteReader(bytes, littleEndian, 'a.dat', 1000, 'the options');
}

describe('a byte reader', () => {
  it.each([true, false])(
    'reads numbers and texts in the byte order of the file (little-endian: %s)',
    littleEndian => {
      const bytes = new ByteWriter(littleEndian)
        .u8(0xab)
        .u16(0xbeef)
        .u32(0xdead_beef)
        .u64(0x1f_ffff_ffff_ffffn)
        .cstring('zstd')
        .text('rest')
        .finish();
      const reader = readerOf(bytes, littleEndian);
      expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.cstring()]).toEqual([
        0xab,
        0xbeef,
        0xdead_beef,
        Number.MAX_SAFE_INTEGER,
        'zstd',
      ]);
      expect(reader.remaining).toBe(4);
      expect(Buffer.from(reader.slice(4)).toString()).toBe('rest');
      expect(reader.remaining).toBe(0);
    },
  );

  it('reads from the middle of a larger buffer', () => {
    const bytes = new ByteWriter(true).text('xx').u32(7).text('xx').finish().subarray(2, 6);
    const reader = readerOf(bytes);
    expect(reader.u32()).toBe(7);
    expect(() => reader.u8()).toThrow(TraceError);
  });

  it('says what is missing, in which part of which file, and where', () => {
    const reader = readerOf(Uint8Array.of(1, 2, 3));
    reader.u8();
    expect(() => reader.u32()).toThrow(
      'a.dat: the options ends after 3 bytes where 4 more bytes should follow; the file is cut short or damaged (at byte 1001)',
    );
    expect(() => reader.cstring()).toThrow('where a NUL-terminated string should follow');
  });

  it('stays where it is when it fails', () => {
    const reader = readerOf(Uint8Array.of(1, 2, 3));
    expect(() => reader.u64()).toThrow(TraceError);
    expect(reader.u16()).toBe(0x0201);
  });

  it('refuses lengths that no file has', () => {
    const reader = readerOf(new ByteWriter(true).u64(2n ** 53n).finish());
    expect(() => reader.u64()).toThrow('which is no size of a file');
  });

  it('refuses a length that is negative or no number', () => {
    for (const length of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => readerOf(new Uint8Array(8)).slice(length)).toThrow(TraceError);
    }
  });

  it('reads back every sequence of numbers', () => {
    const items = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
        fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
        fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
        fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
      ),
    );
    fc.assert(
      fc.property(items, fc.boolean(), (list, littleEndian) => {
        const writer = new ByteWriter(littleEndian);
        for (const { kind, value } of list) writer[kind](value);
        const reader = readerOf(writer.finish(), littleEndian);
        expect(list.map(({ kind }) => reader[kind]())).toEqual(list.map(({ value }) => value));
        expect(reader.remaining).toBe(0);
      }),
    );
  });
});
