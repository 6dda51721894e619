import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decompress, loadDecompressor } from '../../../src/trace/file/decompress.ts';
import { TraceError } from '../../../src/trace/trace-error.ts';
import { type ContentSize, zstdFrame } from '../../helpers/zstd-frame.ts';

async function load(method: string): Promise<Decompress> {
  const decompress = await loadDecompressor(method, 'a.dat');
  if (!decompress) throw new Error(`${method} does not compress`);
  return decompress;
}

const zstd = await load('zstd');
const zlib = await load('zlib');

const TEXT = Buffer.from('ffffffff81000000 T _stext\n'.repeat(40), 'latin1');

/** A compressed block by method, and what it becomes. */
const BLOCKS: readonly (readonly [method: string, decompress: Decompress, compressed: Uint8Array])[] = [
  ['zstd', zstd, zstdFrame([TEXT.subarray(0, 500), TEXT.subarray(500)])],
  ['zlib', zlib, new Uint8Array(deflateSync(TEXT))],
];

describe('a method of compression', () => {
  it.each(['none', ''])('%j leaves the data as it is', async method => {
    expect(await loadDecompressor(method, 'a.dat')).toBeUndefined();
  });

  it('that is not known is named, with a way out', async () => {
    await expect(loadDecompressor('lz4\n', 'a.dat')).rejects.toThrow(
      'a.dat: is compressed with "lz4\\x0a"; zstd, zlib and none can be read. Convert it with: trace-cmd convert --compression zstd',
    );
    await expect(loadDecompressor('x', 'a.dat')).rejects.toThrow(TraceError);
  });
});

describe.each(BLOCKS)('a block of %s', (_, decompress, compressed) => {
  it('becomes what it was', () => {
    expect(Buffer.from(decompress(compressed, TEXT.length, 'a.dat', 0))).toEqual(TEXT);
  });

  it('is found out when it does not have the size that the file states', () => {
    for (const size of [0, 1, TEXT.length - 1, TEXT.length + 1]) {
      expect(() => decompress(compressed, size, 'a.dat', 77)).toThrow(
        /^a\.dat: .*the file is damaged \(at byte 77\)$/,
      );
    }
  });

  it('is found out when it is cut, or empty', () => {
    expect(() => decompress(compressed.subarray(0, -5), TEXT.length, 'a.dat', 0)).toThrow(TraceError);
    expect(() => decompress(new Uint8Array(0), TEXT.length, 'a.dat', 0)).toThrow(TraceError);
  });

  it('that claims far more than it can hold is refused before memory is taken for it', () => {
    const before = process.memoryUsage().rss;
    for (const size of [1 << 30, 0xffff_ffff]) {
      expect(() => decompress(compressed, size, 'a.dat', 0)).toThrow('claim to become');
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
  });

  it('that is damaged in any way becomes what it was or an error, never something longer', () => {
    fc.assert(
      fc.property(fc.nat(compressed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = compressed.slice();
        damaged[at] = (damaged[at] ?? 0) ^ change;
        try {
          expect(decompress(damaged, TEXT.length, 'a.dat', 0)).toHaveLength(TEXT.length);
        } catch (error) {
          expect(error).toBeInstanceOf(TraceError);
        }
      }),
      { numRuns: 200 },
    );
    // The decoder keeps its memory between blocks: damage must not reach the next one.
    expect(Buffer.from(decompress(compressed, TEXT.length, 'a.dat', 0))).toEqual(TEXT);
  });
});

describe('a zstd frame', () => {
  it.each<[ContentSize, number]>([
    [1, 200],
    [2, 1000],
    [4, 1000],
    [8, 1000],
    ['none', 1000],
  ])('that states its size in %s bytes is read', (contentSize, length) => {
    const frame = zstdFrame([TEXT.subarray(0, length)], contentSize);
    expect(Buffer.from(zstd(frame, length, 'a.dat', 0))).toEqual(TEXT.subarray(0, length));
  });

  it('that states another size than the file does is refused', () => {
    expect(() => zstd(zstdFrame([TEXT], 4, 1234), TEXT.length, 'a.dat', 5)).toThrow(
      'a.dat: the file says that 1052 compressed bytes become 1040, they say 1234; the file is damaged (at byte 5)',
    );
  });

  it('may become very much larger than it is', () => {
    const frame = zstdFrame([
      { repeat: 0, times: 128 << 10 },
      { repeat: 7, times: 128 << 10 },
    ]);
    expect(frame).toHaveLength(17);
    const bytes = zstd(frame, 256 << 10, 'a.dat', 0);
    expect([bytes[0], bytes[(128 << 10) - 1], bytes[128 << 10]]).toEqual([0, 0, 7]);
  });

  it('of many blocks that together claim more than any trace has is refused', () => {
    const blocks = Array.from({ length: 8193 }, () => ({ repeat: 0, times: 128 << 10 }));
    expect(() => zstd(zstdFrame(blocks), 8193 * (128 << 10), 'a.dat', 0)).toThrow(
      'claim to become 1073872896',
    );
  });
});
