import { describe, expect, it } from 'vitest';
import { IdStack } from '../../src/shadow/id-stack.ts';

describe('ids of free records', () => {
  it('come back in the reverse order, and then 0', () => {
    const stack = new IdStack();
    expect(stack.pop()).toBe(0);
    for (let id = 1; id <= 5000; id++) stack.push(id);
    expect(stack.pop()).toBe(5000);
    stack.push(7);
    expect([stack.pop(), stack.pop()]).toEqual([7, 4999]);
    for (let id = 4998; id >= 1; id--) expect(stack.pop()).toBe(id);
    expect([stack.pop(), stack.pop()]).toEqual([0, 0]);
  });

  it('lie behind the word that says how many they are', () => {
    const stack = new IdStack();
    stack.push(9);
    stack.push(8);
    expect(Array.from(stack.words.subarray(0, 3))).toEqual([2, 9, 8]);
  });
});
