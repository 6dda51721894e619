import { describe, expect, it } from 'vitest';
import { PassingText } from '../../../src/trace/names/passing-text.ts';

describe('the text of the symbols as it passes by', () => {
  const LINES = 20_000;
  const text = Buffer.from(
    Array.from(
      { length: LINES },
      (_, i) => `${(0xffff_ffff_8100_0000n + BigInt(i * 16)).toString(16)} t f${i}\n`,
    ).join(''),
  );

  function* pieces(): Generator<Uint8Array> {
    for (let at = 0; at < text.length; at += 1000) yield text.subarray(at, at + 1000);
  }

  it('is kept in part, whole lines of it', () => {
    const passing = new PassingText(pieces(), 8192);
    for (let i = 5; i < LINES - 100; i += 997) {
      const around = passing.around(0xffff_ffff, 0x8100_0008 + i * 16);
      const lines = Buffer.from(around ?? []).toString();
      expect(around?.length).toBeLessThanOrEqual(8192);
      expect(lines).toMatch(/^ffffffff81\w{6} t f\d+\n/);
      expect(lines).toContain(` t f${i}\n`);
      expect(lines).toContain(` t f${i + 1}\n`);
      expect(lines.endsWith('\n')).toBe(true);
    }
  });

  it('has nothing about what is behind its end, or passed, or after it was left', () => {
    const passing = new PassingText(pieces(), 8192);
    expect(passing.around(0xffff_ffff, 0x8100_0000 + LINES * 16)).toBeUndefined();
    expect(passing.around(0xffff_ffff, 0x8100_0000)).toBeUndefined();
    const left = new PassingText(pieces(), 8192);
    left.end();
    expect(left.around(0xffff_ffff, 0x8100_0000)).toBeUndefined();
  });

  it('has nothing where it is not in order', () => {
    const half = text.indexOf('\n', text.length / 2) + 1;
    const mixed = [text.subarray(half), text.subarray(0, half)][Symbol.iterator]();
    const passing = new PassingText(mixed, text.length * 2);
    expect(passing.around(0xffff_ffff, 0x8100_0800)).toBeUndefined();
  });
});
