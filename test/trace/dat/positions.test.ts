import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Positions } from '../../../src/trace/dat/positions.ts';

describe('the position of an event', () => {
  it('leads back to its place in the file', () => {
    const positions = new Positions('a.dat');
    const first = positions.add(8192, 4096, false);
    const second = positions.add(65_536, 4096, false);
    expect(positions.locate(first)).toEqual({ file: 'a.dat', offset: 8192 });
    expect(positions.locate(first + 4095)).toEqual({ file: 'a.dat', offset: 8192 + 4095 });
    expect(positions.locate(second + 16)).toEqual({ file: 'a.dat', offset: 65_552 });
  });

  it('in compressed data leads to the chunk, and to the place in it', () => {
    const positions = new Positions('a.dat');
    positions.add(5000, 40_960, true);
    const second = positions.add(9000, 40_960, true);
    expect(positions.locate(second + 100)).toEqual({ file: 'a.dat', offset: 9000, inChunk: 100 });
  });

  it('may be none', () => {
    const positions = new Positions('a.dat');
    expect(positions.locate(0)).toBeUndefined();
    positions.add(0, 10, false);
    expect(positions.locate(-1)).toBeUndefined();
    expect(positions.locate(10)).toBeUndefined();
  });

  it('is found in every sequence of chunks, empty ones too', () => {
    const chunks = fc.array(
      fc.record({ offset: fc.nat(1e9), length: fc.nat(100), compressed: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 50,
      },
    );
    fc.assert(
      fc.property(chunks, list => {
        const positions = new Positions('a.dat');
        const bases = list.map(({ offset, length, compressed }) => positions.add(offset, length, compressed));
        for (const [i, { offset, length, compressed }] of list.entries()) {
          if (length === 0) continue;
          const inChunk = length - 1;
          expect(positions.locate((bases[i] ?? 0) + inChunk)).toEqual(
            compressed ? { file: 'a.dat', offset, inChunk } : { file: 'a.dat', offset: offset + inChunk },
          );
        }
      }),
    );
  });
});
