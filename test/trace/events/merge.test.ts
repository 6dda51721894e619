import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CpuCursor } from '../../../src/trace/events/cpu-cursor.ts';
import { Merge } from '../../../src/trace/events/merge.ts';

/** `[time, CPU]` of each event, in the order in which a merge hands them out. */
function merged(times: readonly (readonly number[])[]): [timeNs: number, cpu: number][] {
  const lists = times.map((list, cpu) => ({ cpu, timeNs: list[0] ?? 0, rest: list.slice(1) }));
  const cursors = lists.filter((_, cpu) => (times[cpu]?.length ?? 0) > 0);
  const merge = new Merge(cursors as unknown as CpuCursor[]);
  const order: [number, number][] = [];
  for (let first = merge.first(); first; first = merge.first()) {
    order.push([first.timeNs, first.cpu]);
    const { rest } = lists[first.cpu] ?? { rest: [] };
    const next = rest.shift();
    if (next === undefined) {
      merge.firstEnded();
    } else {
      first.timeNs = next;
      merge.firstMoved();
    }
  }
  return order;
}

describe('a merge of the events of several CPUs', () => {
  it('goes by time', () => {
    expect(merged([[10, 40], [20, 30], [5]])).toEqual([
      [5, 2],
      [10, 0],
      [20, 1],
      [30, 1],
      [40, 0],
    ]);
  });

  it('takes the lower CPU first at the same time, as trace-cmd does', () => {
    expect(merged([[7, 7], [7], [7]])).toEqual([
      [7, 0],
      [7, 0],
      [7, 1],
      [7, 2],
    ]);
  });

  it('has nothing to say about no CPUs', () => {
    expect(merged([])).toEqual([]);
    expect(merged([[], []])).toEqual([]);
  });

  it('is the sorted sequence of all events, for every set of CPUs', () => {
    // Few different times, so that equal ones are common; up to 64 CPUs, so that the heap has some levels.
    const lists = fc.array(fc.array(fc.nat(30), { maxLength: 20 }), { maxLength: 64 });
    fc.assert(
      fc.property(lists, unsorted => {
        const times = unsorted.map(list => [...list].sort((a, b) => a - b));
        const all = times.flatMap((list, cpu) => list.map((time): [number, number] => [time, cpu]));
        expect(merged(times)).toEqual(all.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
      }),
    );
  });
});
