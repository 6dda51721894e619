import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MappingKinds } from '../../src/shadow/mapping-kinds.ts';

describe('kinds of mappings', () => {
  it('count what was made and unmapped, and the longest life', () => {
    const kinds = new MappingKinds();
    for (let i = 0; i < 5; i++) kinds.begin(3);
    kinds.end(3, 100, 150);
    kinds.end(3, 120, 400);
    kinds.end(3, 300, 310);
    expect([kinds.made[3], kinds.ended[3], kinds.longestNs[3], kinds.overtakenNs[3]]).toEqual([
      5, 3, 280, 300,
    ]);
  });

  it('know the fewest that lived in each window, in windows of one length, fewer than 16', () => {
    // A step is a map of kind 1 or 2, or the end of one of kind 1.
    const steps = fc.array(fc.constantFrom('map', 'map', 'map', 'other', 'end'), {
      minLength: 1,
      maxLength: 1500,
    });
    fc.assert(
      fc.property(steps, list => {
        const kinds = new MappingKinds();
        let live = 0;
        /** After each map, and after each end before the next one, how many of kind 1 live. */
        const lowBehindMap: number[] = [];
        let low = 0;
        for (const step of list) {
          if (step === 'end') {
            if (live === 0) continue;
            live--;
            kinds.end(1, 0, 1);
            low = Math.min(low, live);
            continue;
          }
          lowBehindMap.push(low);
          if (step === 'map') live++;
          kinds.begin(step === 'map' ? 1 : 2);
          low = live;
        }
        const history = kinds.history(1);
        expect(history.length).toBeLessThan(16);
        if (history.length === 0) return;
        // The windows are of equal length, the shortest power of two of which there are fewer than 16.
        const maps = lowBehindMap.length;
        let period = 16;
        while (Math.floor(maps / period) >= 16) period *= 2;
        expect(history.length).toBe(Math.floor(maps / period));
        for (const [i, fewest] of history.entries()) {
          // A window begins with the number that lived when the one before it ended.
          expect(fewest).toBeLessThanOrEqual(
            Math.min(...lowBehindMap.slice(i * period + 1, (i + 1) * period)),
          );
        }
      }),
    );
  });

  it('may be many', () => {
    const kinds = new MappingKinds();
    for (let kind = 1; kind <= 5000; kind++) kinds.begin(kind);
    expect(kinds.made[5000]).toBe(1);
    expect(kinds.history(5000)).toHaveLength(Math.floor(5000 / 512));
  });
});
