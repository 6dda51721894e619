import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../../src/trace/events/words.ts';
import { StackTable } from '../../../src/trace/names/stack-table.ts';

const ULONG_MAX = 0xffff_ffff_ffff_ffffn;

/** Interns a stack given as whole addresses. */
function intern(table: StackTable, frames: readonly bigint[], longSize = 8, littleEndian = true): number {
  const bytes = new DataView(new ArrayBuffer(frames.length * longSize + 16), 8);
  for (const [i, frame] of frames.entries()) {
    if (longSize === 8) bytes.setBigUint64(i * 8, frame, littleEndian);
    else bytes.setUint32(i * 4, Number(frame & 0xffff_ffffn), littleEndian);
  }
  const words = wordsOf(new Uint8Array(bytes.buffer, 8), littleEndian);
  return table.intern(words, 0, frames.length * longSize, longSize, littleEndian);
}

const MAP = [0xffff_ffff_8171_31a4n, 0xffff_ffff_a000_3137n, 0xffff_ffff_8100_00b0n];

describe('a table of stacks', () => {
  it('gives the same id to the same frames, and another to others', () => {
    const table = new StackTable();
    const first = intern(table, MAP);
    expect(intern(table, MAP)).toBe(first);
    expect(intern(table, MAP.slice(1))).not.toBe(first);
    expect(intern(table, [...MAP].reverse())).not.toBe(first);
    expect(table.count).toBe(3);
  });

  it('keeps all 64 bits of each frame, innermost first', () => {
    const table = new StackTable();
    expect(table.addresses(intern(table, MAP))).toEqual([
      '0xffffffff817131a4',
      '0xffffffffa0003137',
      '0xffffffff810000b0',
    ]);
    // The same lower halves.
    expect(
      intern(
        table,
        MAP.map(frame => frame & 0xffff_ffffn),
      ),
    ).not.toBe(intern(table, MAP));
  });

  it('reads stacks of machines of all kinds', () => {
    for (const littleEndian of [true, false]) {
      const table = new StackTable();
      expect(table.addresses(intern(table, MAP, 8, littleEndian))[1]).toBe('0xffffffffa0003137');
      expect(table.addresses(intern(table, [0xc010_0204n], 4, littleEndian))).toEqual(['0xc0100204']);
    }
  });

  it('ends a stack where the kernel padded it', () => {
    const table = new StackTable();
    expect(intern(table, [...MAP, ULONG_MAX, 5n])).toBe(intern(table, MAP));
    expect(intern(table, [...MAP, 0n, 5n])).toBe(intern(table, MAP));
    expect(intern(table, [0xc010_0204n, 0xffff_ffffn], 4)).toBe(intern(table, [0xc010_0204n], 4));
  });

  it('has 0 for a stack without frames', () => {
    const table = new StackTable();
    expect(intern(table, [])).toBe(0);
    expect(intern(table, [ULONG_MAX])).toBe(0);
    expect(table.addresses(0)).toEqual([]);
    expect(table.addresses(99)).toEqual([]);
    expect(table.count).toBe(0);
  });

  it('leaves out a frame that is not whole', () => {
    const table = new StackTable();
    const words = new Uint32Array([1, 0, 0, 0]);
    expect(table.addresses(table.intern(words, 0, 15, 8, true))).toEqual(['0x1']);
  });

  it('finds thousands of stacks again after it has grown', () => {
    const table = new StackTable();
    const stacks = Array.from({ length: 3000 }, (_, i) => [BigInt(i + 1), ...MAP.slice(i % 3)]);
    const ids = stacks.map(stack => intern(table, stack));
    expect(new Set(ids).size).toBe(3000);
    expect(stacks.map(stack => intern(table, stack))).toEqual(ids);
    expect(table.addresses(ids[2999] ?? 0)).toEqual(['0xbb8', '0xffffffff810000b0']);
  });

  it('finds every stack again', () => {
    const frames = fc.array(fc.bigInt({ min: 1n, max: ULONG_MAX - 1n }), { minLength: 1, maxLength: 6 });
    // Few addresses, so that stacks share beginnings and ends.
    const alike = fc.array(fc.constantFrom(1n, 2n, 0x1_0000_0001n, 0x1_0000_0002n), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(frames, alike), { maxLength: 100 }), stacks => {
        const table = new StackTable();
        const ids = stacks.map(stack => intern(table, stack));
        const distinct = new Map(stacks.map((stack, i) => [stack.join(), ids[i]]));
        expect(table.count).toBe(distinct.size);
        expect(new Set(distinct.values()).size).toBe(distinct.size);
        for (const [i, stack] of stacks.entries()) {
          expect(table.addresses(ids[i] ?? 0)).toEqual(stack.map(frame => `0x${frame.toString(16)}`));
        }
      }),
      { numRuns: 50 },
    );
  });
});
