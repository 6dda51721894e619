import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../../src/trace/events/words.ts';

const bytes = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);

describe('a chunk as words', () => {
  it('has the values that the recorded machine had', () => {
    expect([...wordsOf(bytes, true)]).toEqual([0x0403_0201, 0x0807_0605]);
    expect([...wordsOf(bytes, false)]).toEqual([0x0102_0304, 0x0506_0708]);
  });

  it('is the bytes themselves where both machines have the same order', () => {
    const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
    expect(wordsOf(bytes, little).buffer).toBe(bytes.buffer);
    expect(wordsOf(bytes, !little).buffer).not.toBe(bytes.buffer);
  });

  it('may begin anywhere in a buffer', () => {
    expect([...wordsOf(bytes.subarray(3), true)]).toEqual([0x0706_0504, 0x0b0a_0908]);
  });
});
