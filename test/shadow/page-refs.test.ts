import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RANGE_FRAMES, PageRefs } from '../../src/shadow/page-refs.ts';

const MIB2 = 512;
const GIB = 262144;

describe('what a count is', () => {
  it('counts the mappings that reach a frame', () => {
    const refs = new PageRefs();
    refs.add(100, 16);
    refs.add(108, 1);
    expect([99, 100, 108, 115, 116].map(frame => refs.get(frame))).toEqual([0, 1, 2, 1, 0]);
    expect(refs.countMapped(0, 1000)).toBe(16);
    expect(refs.firstMapped(0, 1000)).toBe(100);
    expect(refs.firstMapped(116, 1000)).toBe(-1);
  });

  it('reports frames that nobody had mapped instead of counting below zero', () => {
    const refs = new PageRefs();
    refs.add(10, 2);
    expect(refs.remove(8, 8)).toBe(6);
    expect(refs.remove(8, 8)).toBe(8);
    refs.add(8, 8);
    expect(refs.get(8)).toBe(1);
  });

  it('finds a single mapped frame in the largest block that the kernel allocates', () => {
    const refs = new PageRefs();
    refs.add(3 * GIB + 777, 1);
    expect(refs.anyMapped(3 * GIB, GIB)).toBe(true);
    expect(refs.anyMapped(3 * GIB + MIB2, MIB2)).toBe(true);
    expect(refs.anyMapped(3 * GIB, MIB2)).toBe(false);
    expect(refs.anyMapped(3 * GIB + 776, 1)).toBe(false);
    expect(refs.anyMapped(3 * GIB + 777, 1)).toBe(true);
    expect(refs.anyMapped(2 * GIB, GIB)).toBe(false);
  });

  it('takes an empty range as nothing', () => {
    const refs = new PageRefs();
    refs.add(GIB, GIB);
    refs.add(GIB, 0);
    expect(refs.remove(GIB, 0)).toBe(0);
    expect(refs.anyMapped(GIB, 0)).toBe(false);
    expect(refs.countMapped(GIB, 0)).toBe(0);
    expect(refs.firstMapped(GIB, 0)).toBe(-1);
    expect(refs.get(GIB)).toBe(1);
  });

  it('holds a million mappings of the zero page', () => {
    const refs = new PageRefs();
    for (let i = 0; i < 1_000_000; i++) refs.add(5, 1);
    expect(refs.get(5)).toBe(1_000_000);
    expect(refs.nodesInUse).toBe(2);
  });
});

describe('how it stays small', () => {
  it('keeps whole GiBs in one word and 2 MiB blocks in one node', () => {
    const refs = new PageRefs();
    refs.add(0, 64 * GIB);
    expect(refs.nodesInUse).toBe(0);
    refs.add(GIB + MIB2, 7 * MIB2);
    expect(refs.nodesInUse).toBe(1);
    expect(refs.get(GIB + MIB2)).toBe(2);
  });

  it('folds a GiB that was mapped page by page, in any order, into one word', () => {
    const refs = new PageRefs();
    for (let i = 0; i < GIB; i++) refs.add((i * 95_261) % GIB, 1);
    expect(refs.nodesInUse).toBe(0);
    expect(refs.countMapped(0, 2 * GIB)).toBe(GIB);
    for (let i = 0; i < GIB; i += MIB2) expect(refs.remove(i, MIB2)).toBe(0);
    expect(refs.nodesInUse).toBe(0);
  });

  it('keeps a lone frame in the word of its block, and unfolds for another, or for a second mapping', () => {
    const refs = new PageRefs();
    for (let block = 0; block < 100; block++) refs.add(block * MIB2 + 3 * block, 1);
    expect(refs.nodesInUse).toBe(1);
    expect([0, 1, MIB2 + 2, MIB2 + 3, MIB2 + 4].map(frame => refs.get(frame))).toEqual([1, 0, 0, 1, 0]);
    expect(refs.countMapped(MIB2, 10 * MIB2)).toBe(10);
    expect(refs.firstMapped(MIB2 + 4, 2 * MIB2)).toBe(2 * MIB2 + 6);
    expect(refs.anyMapped(5 * MIB2 + 10, 5)).toBe(false);
    expect(refs.anyMapped(5 * MIB2 + 10, 6)).toBe(true);
    refs.add(MIB2 + 3, 1);
    refs.add(2 * MIB2 + 8, 1);
    expect(refs.nodesInUse).toBe(3);
    expect([MIB2 + 3, 2 * MIB2 + 6, 2 * MIB2 + 8].map(frame => refs.get(frame))).toEqual([2, 1, 1]);
    expect(refs.remove(3 * MIB2 + 8, 1)).toBe(1);
    expect(refs.remove(0, 100 * MIB2)).toBe(100 * MIB2 - 101);
    expect(refs.remove(MIB2 + 3, 1)).toBe(0);
    expect(refs.nodesInUse).toBe(0);
  });

  it('keeps a lone run in the word of its block while it grows and shrinks at its ends', () => {
    const refs = new PageRefs();
    refs.add(GIB + 100, 16);
    refs.add(GIB + 116, 1);
    refs.add(GIB + 80, 20);
    expect(refs.nodesInUse).toBe(1);
    expect([79, 80, 116, 117].map(frame => refs.get(GIB + frame))).toEqual([0, 1, 1, 0]);
    expect(refs.countMapped(GIB + 90, 1000)).toBe(27);
    expect(refs.firstMapped(GIB + 90, 1000)).toBe(GIB + 90);
    expect(refs.remove(GIB + 80, 5)).toBe(0);
    expect(refs.remove(GIB + 116, 1)).toBe(0);
    expect(refs.nodesInUse).toBe(1);
    expect(refs.countMapped(GIB, GIB)).toBe(31);
    expect(refs.remove(GIB + 90, 1)).toBe(0);
    expect(refs.nodesInUse).toBe(2);
    expect(refs.remove(GIB, GIB)).toBe(GIB - 30);
    expect(refs.nodesInUse).toBe(0);
    // One frame after the other fills the block, which is then one count.
    for (let frame = 0; frame < MIB2; frame++) refs.add(GIB + frame, 1);
    expect(refs.nodesInUse).toBe(1);
    expect(refs.countMapped(GIB, GIB)).toBe(MIB2);
  });

  it('unfolds for a hole and folds again when the hole is filled', () => {
    const refs = new PageRefs();
    refs.add(0, GIB);
    refs.add(0, GIB);
    expect(refs.remove(1000, 1)).toBe(0);
    expect(refs.nodesInUse).toBe(2);
    expect([999, 1000, 1001].map(frame => refs.get(frame))).toEqual([2, 1, 2]);
    refs.add(1000, 1);
    expect(refs.nodesInUse).toBe(0);
    expect(refs.get(1000)).toBe(2);
  });

  it('counts a whole GiB above fragments, and lets any frame give its share back', () => {
    const refs = new PageRefs();
    for (let frame = 0; frame < GIB; frame += 2) refs.add(frame, 1);
    const nodes = refs.nodesInUse;
    for (let i = 0; i < 10_000; i++) refs.add(0, GIB);
    expect(refs.get(1)).toBe(10_000);
    for (let i = 0; i < 9_999; i++) expect(refs.remove(0, GIB)).toBe(0);
    expect(refs.nodesInUse).toBe(nodes);
    expect(refs.remove(1, 1)).toBe(0);
    expect([0, 1, 2, 3].map(frame => refs.get(frame))).toEqual([2, 0, 2, 1]);
    expect(refs.remove(0, GIB)).toBe(1);
    expect(refs.remove(0, GIB)).toBe(GIB / 2);
    expect(refs.nodesInUse).toBe(0);
  });

  it('does not grow however long the same memory is mapped and unmapped', () => {
    const refs = new PageRefs();
    const cycle = () => {
      refs.add(GIB - 1000, 2 * GIB);
      refs.add(GIB, GIB);
      expect(refs.remove(GIB + 5, 1000)).toBe(0);
      expect(refs.remove(GIB, GIB)).toBe(0);
      expect(refs.remove(GIB - 1000, 2 * GIB)).toBe(1000);
      expect(refs.nodesInUse).toBe(0);
    };
    cycle();
    const bytes = refs.arenaBytes;
    for (let i = 0; i < 200; i++) cycle();
    expect(refs.arenaBytes).toBe(bytes);
  });
});

describe('addresses that no machine has', () => {
  it('holds frames up to 2^52 at 3 nodes each', () => {
    const refs = new PageRefs();
    const bytes = refs.arenaBytes;
    const wild = [2 ** 40, 2 ** 40 + GIB - 1, 2 ** 47 + 12_345, 2 ** 52 - 1];
    for (const frame of wild) refs.add(frame, 1);
    for (const frame of wild) expect(refs.get(frame)).toBe(1);
    expect(refs.arenaBytes).toBe(bytes);
    expect(refs.firstMapped(0, 2 ** 52)).toBe(2 ** 40);
    expect(refs.firstMapped(2 ** 40 + GIB, 2 ** 51)).toBe(2 ** 47 + 12_345);
    expect(refs.countMapped(0, 2 ** 52)).toBe(4);
    expect(refs.anyMapped(2 ** 48, 2 ** 50)).toBe(false);
    expect(refs.remove(0, 2 ** 52)).toBe(2 ** 52 - 4);
    expect(refs.nodesInUse).toBe(0);
  });

  it('answers for the whole address space by visiting only what exists', () => {
    const refs = new PageRefs();
    refs.add(7, 1);
    refs.add(2 ** 50, 1);
    for (let i = 0; i < 1000; i++) {
      expect(refs.countMapped(0, 2 ** 52)).toBe(2);
      expect(refs.firstMapped(8, 2 ** 51)).toBe(2 ** 50);
      expect(refs.anyMapped(8, 2 ** 49)).toBe(false);
    }
  });

  it('spends one word per GiB on the longest range, and refuses a longer one', () => {
    const refs = new PageRefs();
    refs.add(2 ** 45, MAX_RANGE_FRAMES);
    expect(refs.arenaBytes).toBeLessThan(20 * 2 ** 20);
    expect(refs.remove(2 ** 45, MAX_RANGE_FRAMES)).toBe(0);
    expect(refs.nodesInUse).toBe(0);
    expect(() => refs.add(0, MAX_RANGE_FRAMES + 1)).toThrow(RangeError);
  }, 30_000);
});

/** The directory goes from an array to a Map two GiBs later. */
const LAST_NEAR = 2 ** 40 - 2 * GIB;

type Step = readonly [add: boolean, frame: number, frames: number];

/** Runs steps and compares every answer with counts kept one by one in a Map. */
function compareWithMap(steps: readonly Step[], low: number, high: number): void {
  const refs = new PageRefs();
  const model = new Map<number, number>();
  for (const [add, frame, frames] of steps) {
    let missing = 0;
    for (let i = frame; i < frame + frames; i++) {
      const count = model.get(i) ?? 0;
      if (!add && count === 0) missing++;
      model.set(i, Math.max(0, add ? count + 1 : count - 1));
    }
    if (add) refs.add(frame, frames);
    else expect(refs.remove(frame, frames)).toBe(missing);
  }
  const mapped = [...model].filter(([, count]) => count > 0).map(([frame]) => frame);
  expect(refs.countMapped(low, high - low)).toBe(mapped.length);
  expect(refs.firstMapped(low, high - low)).toBe(mapped.length > 0 ? Math.min(...mapped) : -1);
  const wrong = [];
  for (let i = low; i < high; i++) if (refs.get(i) !== (model.get(i) ?? 0)) wrong.push(i);
  expect(wrong).toEqual([]);
  for (const frame of mapped) refs.remove(frame, 1);
  if (mapped.every(frame => model.get(frame) === 1)) expect(refs.nodesInUse).toBe(0);
}

/**
 * The same with ranges that begin and end at chosen offsets only: a count per stretch between two of them is then a
 * complete model, also for ranges of many GiB.
 */
const CUTS = [
  0,
  1,
  MIB2 - 1,
  MIB2,
  MIB2 + 1,
  2 * MIB2,
  3 * MIB2 + 7,
  GIB - MIB2,
  GIB - 1,
  GIB,
  GIB + 1,
  GIB + MIB2,
  GIB + 9 * MIB2,
  2 * GIB - 3,
  2 * GIB,
  2 * GIB + 300,
  3 * GIB,
  5 * GIB + 100_000,
] as const;
const STRETCHES = CUTS.length - 1;
const cut = (i: number) => CUTS[i] as number;
const lengthOf = (i: number) => cut(i + 1) - cut(i);

class StretchModel {
  readonly counts = new Array<number>(STRETCHES).fill(0);
  /** Adds `delta`, and returns the frames that had nothing to give. */
  change(from: number, to: number, delta: 1 | -1): number {
    let missing = 0;
    for (let i = from; i < to; i++) {
      const count = (this.counts[i] as number) + delta;
      if (count < 0) missing += lengthOf(i);
      this.counts[i] = Math.max(0, count);
    }
    return missing;
  }
}

function compareStretches(refs: PageRefs, model: StretchModel, base: number): void {
  model.counts.forEach((count, i) => {
    expect(refs.get(base + cut(i))).toBe(count);
    expect(refs.get(base + cut(i + 1) - 1)).toBe(count);
    expect(refs.anyMapped(base + cut(i), lengthOf(i))).toBe(count > 0);
    expect(refs.countMapped(base + cut(i), lengthOf(i))).toBe(count > 0 ? lengthOf(i) : 0);
  });
}

describe('the same answers as one count per page', () => {
  for (const base of [0, GIB, 2 ** 40, 2 ** 49 - GIB]) {
    it(`around 2 MiB and GiB borders at frame ${base}`, () => {
      const low = base + GIB - 3 * MIB2;
      const step = fc.tuple(
        fc.boolean(),
        fc.integer({ min: low, max: low + 4 * MIB2 }),
        fc.oneof(fc.constantFrom(1, 2, 16, MIB2 - 1, MIB2, MIB2 + 1), fc.integer({ min: 0, max: 2 * MIB2 })),
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 25 }), steps => compareWithMap(steps, low, low + 6 * MIB2)),
        { numRuns: 60 },
      );
    });
  }

  for (const base of [0, LAST_NEAR, 2 ** 45]) {
    it(`with ranges from one frame to several GiB at frame ${base}`, () => {
      const end = fc.integer({ min: 0, max: STRETCHES });
      const step = fc.tuple(fc.integer({ min: 0, max: 4 }), end, end);
      const property = fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), steps => {
        const refs = new PageRefs();
        const model = new StretchModel();
        for (const [kind, a, b] of steps) {
          const [from, to] = a < b ? [a, b] : [b, a];
          const frame = base + cut(from);
          const frames = cut(to) - cut(from);
          const mapped = model.counts.findIndex((count, i) => i >= from && i < to && count > 0);
          expect(refs.anyMapped(frame, frames)).toBe(mapped >= 0);
          expect(refs.firstMapped(frame, frames)).toBe(mapped >= 0 ? base + cut(mapped) : -1);
          if (kind > 1) {
            refs.add(frame, frames);
            model.change(from, to, 1);
          } else {
            expect(refs.remove(frame, frames)).toBe(model.change(from, to, -1));
          }
        }
        compareStretches(refs, model, base);
        const highest = Math.max(...model.counts);
        for (let i = 0; i < highest; i++) refs.remove(base, cut(STRETCHES));
        expect(refs.nodesInUse).toBe(0);
        expect(refs.anyMapped(0, 2 ** 52)).toBe(false);
      });
      // The last near GiB makes the directory 16 MiB large, in every run.
      fc.assert(property, { numRuns: base === LAST_NEAR ? 15 : 150 });
    });
  }
});
