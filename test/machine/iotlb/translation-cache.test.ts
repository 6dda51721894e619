import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Replacement, TranslationCache } from '../../../src/machine/iotlb/translation-cache.ts';

const PAGE = 4096;

function cacheOf(entries: number, replacement: Replacement): TranslationCache {
  return new TranslationCache({ entries, replacement });
}

/** Which of the first pages are cached, without counting as a use. */
function pagesIn(cache: TranslationCache): number[] {
  const pages = [...cache.iova].filter(iova => !Number.isNaN(iova)).map(iova => iova / PAGE);
  return pages.sort((left, right) => left - right);
}

describe('a cache of translations', () => {
  it('finds the smallest block that covers an IOVA', () => {
    const cache = cacheOf(4, 'lru');
    cache.fill(0x20_0000, 21, 0x4000_0000, 3, 1);
    cache.fill(0x20_3000, 12, 0x9000, 3, 2);
    expect(cache.phys[cache.find(0x20_3008)]).toBe(0x9000);
    expect(cache.phys[cache.find(0x20_4000)]).toBe(0x4000_0000);
    expect(cache.find(0x40_0000)).toBe(-1);
  });

  it('replaces the least recently used entry', () => {
    const cache = cacheOf(2, 'lru');
    cache.fill(0, 12, 0x1000, 3, 0);
    cache.fill(PAGE, 12, 0x2000, 3, 0);
    cache.find(0);
    cache.fill(2 * PAGE, 12, 0x3000, 3, 0);
    expect(pagesIn(cache)).toEqual([0, 2]);
  });

  it('replaces the oldest entry, used or not', () => {
    const cache = cacheOf(2, 'fifo');
    cache.fill(0, 12, 0x1000, 3, 0);
    cache.fill(PAGE, 12, 0x2000, 3, 0);
    cache.find(0);
    cache.fill(2 * PAGE, 12, 0x3000, 3, 0);
    expect(pagesIn(cache)).toEqual([1, 2]);
  });

  it('holds nothing where it has no entries', () => {
    const cache = cacheOf(0, 'lru');
    cache.fill(0, 12, 0x1000, 3, 0);
    expect(cache.find(0)).toBe(-1);
  });

  it('never answers other than what was filled last and not invalidated since', () => {
    const op = fc.record({
      kind: fc.constantFrom('fill' as const, 'fill' as const, 'invalidate' as const),
      page: fc.nat(40),
      pages: fc.integer({ min: 1, max: 9 }),
    });
    const replacement = fc.constantFrom<Replacement>('lru', 'fifo', 'random');
    fc.assert(
      fc.property(
        fc.array(op, { maxLength: 120 }),
        replacement,
        fc.integer({ min: 1, max: 6 }),
        (ops, how, size) => {
          const cache = cacheOf(size, how);
          const truth = new Map<number, number>();
          ops.forEach(({ kind, page, pages }, index) => {
            if (kind === 'fill') {
              cache.fill(page * PAGE, 12, index * PAGE, 3, index);
              truth.set(page, index);
            } else {
              cache.invalidate(page * PAGE, pages * PAGE);
              for (let each = page; each < page + pages; each++) truth.delete(each);
            }
            expect(cache.used).toBeLessThanOrEqual(size);
            expect(pagesIn(cache)).toHaveLength(cache.used);
            for (let each = 0; each < 50; each++) {
              const slot = cache.find(each * PAGE + 5);
              if (slot >= 0) expect(cache.stamp[slot]).toBe(truth.get(each));
            }
          });
        },
      ),
      { numRuns: 50 },
    );
  });
});
