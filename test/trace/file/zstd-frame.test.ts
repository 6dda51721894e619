import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginning, loadZstd } from '../../../src/trace/file/decompress.ts';
import { readFrameHeader, zstdPrefix } from '../../../src/trace/file/zstd-frame.ts';
import { zstdFrame } from '../../helpers/zstd-frame.ts';

/** Most that a block becomes. */
const BLOCK = 128 << 10;

const decompress = await loadZstd();

function beginningOf(frame: Uint8Array, wanted: number): Uint8Array | undefined {
  for (const piece of beginning(frame, wanted, decompress, 1)) return piece;
  return undefined;
}

/** A frame of full blocks, each filled with its number from 1 up. */
function blocks(count: number): Uint8Array {
  return zstdFrame(Array.from({ length: count }, (_, i) => ({ repeat: i + 1, times: BLOCK })));
}

describe('the header of a zstd frame', () => {
  it.each([
    [1, 200, 6],
    [2, 1000, 7],
    [4, 1000, 9],
    [8, 1000, 13],
  ] as const)('states the size of the content in %s bytes', (bytes, contentSize, size) => {
    expect(readFrameHeader(zstdFrame([new Uint8Array(contentSize)], bytes))).toEqual({
      size,
      contentSize,
      hasDictionary: false,
    });
  });

  it('may state none', () => {
    expect(readFrameHeader(zstdFrame([new Uint8Array(9)], 'none'))).toMatchObject({
      size: 6,
      contentSize: undefined,
    });
  });

  it('is none in other bytes, and in a few', () => {
    expect(readFrameHeader(Buffer.from('no zstd frame'))).toBeUndefined();
    for (let length = 0; length < 9; length++) {
      expect(readFrameHeader(blocks(1).subarray(0, length))).toBeUndefined();
    }
  });
});

describe('the beginning of a zstd frame', () => {
  it('is made of as many blocks as are wanted', () => {
    const bytes = beginningOf(blocks(5), BLOCK + 1);
    expect(bytes).toHaveLength(2 * BLOCK);
    expect([bytes?.[0], bytes?.[BLOCK - 1], bytes?.[BLOCK], bytes?.[2 * BLOCK - 1]]).toEqual([1, 1, 2, 2]);
  });

  it('may be less than wanted where blocks are not full', () => {
    const text = Buffer.from('ffffffff81000000 T _stext\n');
    expect(Buffer.from(beginningOf(zstdFrame([text, text, text]), 1) ?? [])).toEqual(text);
  });

  it('is not there where it would be all, or nothing', () => {
    expect(beginningOf(blocks(2), 2 * BLOCK)).toBeUndefined();
    expect(beginningOf(blocks(2), 0)).toBeUndefined();
    expect(beginningOf(Buffer.from('no zstd frame'), 1)).toBeUndefined();
  });

  it('costs no memory where it claims to be larger than any trace', () => {
    const before = process.memoryUsage().rss;
    expect(beginningOf(blocks(8), 0xffff_ffff)).toBeUndefined();
    expect(process.memoryUsage().rss - before).toBeLessThan(50 << 20);
  });

  it('of a damaged frame is not there, or no longer than its blocks', () => {
    const frame = zstdFrame([
      Buffer.from('first block'),
      Buffer.from('second block'),
      Buffer.from('third block'),
    ]);
    fc.assert(
      fc.property(
        fc.nat(frame.length - 1),
        fc.nat(255),
        fc.integer({ min: 1, max: 300_000 }),
        (at, value, wanted) => {
          const damaged = frame.slice();
          damaged[at] = value;
          const limit = zstdPrefix(damaged, wanted)?.limit ?? 0;
          expect(beginningOf(damaged, wanted)?.length ?? 0).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 200 },
    );
  });
});
