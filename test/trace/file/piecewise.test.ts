import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPiecewiseDecompressor } from '../../../src/trace/file/decompress.ts';
import { InputFile } from '../../../src/trace/file/input-file.ts';
import { loadWasmZstd } from '../../../src/trace/file/zstd-module.ts';
import { type ContentSize, zstdFrame } from '../../helpers/zstd-frame.ts';

/** Most that a block becomes. */
const BLOCK = 128 << 10;

const wasm = await loadWasmZstd();
const piecewise = await loadPiecewiseDecompressor('zstd');

/** A frame of full blocks, each filled with its number from 1 up. */
function blocks(count: number, contentSize?: ContentSize): Uint8Array {
  return zstdFrame(
    Array.from({ length: count }, (_, i) => ({ repeat: i + 1, times: BLOCK })),
    contentSize,
  );
}

function content(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(BLOCK, i + 1)));
}

/** Hands out `bytes`, `step` at a time. */
function from(bytes: Uint8Array, step = bytes.length): (into: Uint8Array) => number {
  let at = 0;
  return into => {
    const part = bytes.subarray(at, at + Math.min(step, into.length));
    into.set(part);
    at += part.length;
    return part.length;
  };
}

function joined(pieces: Iterable<Uint8Array>): Buffer {
  return Buffer.concat(Array.from(pieces, piece => Buffer.from(piece)));
}

describe('a zstd frame piece by piece', () => {
  it('is what it is in one, however it comes', () => {
    const frame = blocks(9);
    for (const step of [1, 2, 3, 7, 1000]) {
      expect(joined(wasm.stream(from(frame, step))).equals(content(9)), `${step} bytes at once`).toBe(true);
    }
  });

  it('is left where no more is asked for', () => {
    const pieces = wasm.stream(from(blocks(3)));
    expect(pieces.next().value?.[0]).toBe(1);
    pieces.return(undefined);
    expect(pieces.next().done).toBe(true);
    expect(joined(wasm.stream(from(blocks(2)))).equals(content(2))).toBe(true);
  });

  it('does not mind another', () => {
    const first = wasm.stream(from(blocks(4), 3));
    const second = wasm.stream(from(blocks(4), 3));
    expect([first.next().value?.[0], second.next().value?.[0], first.next().value?.[0]]).toEqual([1, 1, 2]);
    expect([joined(first).length, joined(second).length]).toEqual([2 * BLOCK, 3 * BLOCK]);
  });

  it('may be several', () => {
    const frames = Buffer.concat([blocks(2), blocks(1)]);
    expect(joined(wasm.stream(from(frames, 5))).equals(Buffer.concat([content(2), content(1)]))).toBe(true);
    expect(joined(wasm.stream(from(Buffer.alloc(0))))).toHaveLength(0);
  });

  it('is refused where it is cut, or damaged', () => {
    const frame = zstdFrame([Buffer.from('first block'), Buffer.from('second block')]);
    for (let length = 1; length < frame.length; length++) {
      expect(() => joined(wasm.stream(from(frame.subarray(0, length)))), `${length} bytes`).toThrow();
    }
    expect(() => joined(wasm.stream(from(Buffer.from('no zstd frame'))))).toThrow('damaged zstd data');
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, value) => {
        const damaged = frame.slice();
        damaged[at] = value;
        let length = 0;
        try {
          for (const piece of wasm.stream(from(damaged))) length += piece.length;
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        expect(length).toBeLessThan(2 * BLOCK);
      }),
    );
  });

  it('touches no memory but its window', () => {
    const before = wasm.memoryBytes;
    let bytes = 0;
    for (const piece of wasm.stream(from(blocks(800, 'none')))) bytes += piece.length;
    expect(bytes).toBe(800 * BLOCK);
    expect(wasm.memoryBytes - before).toBeLessThan(16 << 20);
  });
});

describe('a block of a file piece by piece', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'iommusan-pieces-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is its content, or the beginning of that', () => {
    const path = join(folder, 'blocks');
    const frame = blocks(9);
    writeFileSync(path, Buffer.concat([Buffer.from('before'), frame, Buffer.from('behind')]));
    const file = InputFile.open(path);
    const bytes = joined(piecewise?.(file, 6, frame.length, 9 * BLOCK) ?? []);
    expect(bytes.length).toBeGreaterThanOrEqual(4 * BLOCK);
    expect(content(9).subarray(0, bytes.length).equals(bytes)).toBe(true);
    file.close();
  });

  it('is not to be had of methods that cannot do it', async () => {
    expect(await loadPiecewiseDecompressor('zlib')).toBeUndefined();
    expect(await loadPiecewiseDecompressor('none')).toBeUndefined();
  });

  it('of a file that is not compressed is read as it is', () => {
    const path = join(folder, 'plain');
    writeFileSync(path, content(3));
    const file = InputFile.open(path);
    expect(joined(file.pieces(10, 2 * BLOCK)).equals(content(3).subarray(10, 10 + 2 * BLOCK))).toBe(true);
    expect(joined(file.pieces(3 * BLOCK - 5, 100))).toHaveLength(5);
    file.close();
  });
});
