import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

// What V8's heap is asked for, in a process of its own: how its compiler takes a function apart depends on all that ran
// before.

/** An object, a boxed number, a BigInt or a string is twice this or more. */
const MOST_BYTES = 8;

it('a check makes no object for an event', () => {
  const options = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];
  const { stdout, stderr } = spawnSync(process.execPath, [...options, 'test/guards/heap-of-check.mjs'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const bytes = stdout.trim().split('\n').map(Number);
  // What the compiler leaves behind is in some of them: the median is of the events alone.
  const median = bytes.toSorted((one, other) => one - other)[bytes.length >> 1];
  expect(median).toBeLessThan(MOST_BYTES);
}, 60_000);
