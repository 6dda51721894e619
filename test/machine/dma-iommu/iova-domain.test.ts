import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IovaDomain } from '../../../src/machine/dma-iommu/iova-domain.ts';

/** Last page of 32-bit and of 48-bit addresses, in 4 KiB pages. */
const LIMIT32 = 2 ** 20 - 1;
const LIMIT48 = 2 ** 36 - 1;

function domainOf(cpus = 1): IovaDomain {
  return new IovaDomain({ granuleShift: 12, cpus });
}

describe('an IOVA domain', () => {
  it('hands out from the top of the limit downwards', () => {
    const iovas = domainOf();
    expect(iovas.allocFast(0, 1, LIMIT32, false)).toBe(0xfffff);
    expect(iovas.allocFast(0, 1, LIMIT32, false)).toBe(0xffffe);
    expect(iovas.allocFast(0, 1, LIMIT48, false)).toBe(LIMIT48);
  });

  it('aligns to the size, rounded up to a power of two', () => {
    const iovas = domainOf();
    iovas.allocFast(0, 1, LIMIT32, false);
    expect(iovas.allocFast(0, 3, LIMIT32, false)).toBe(0xffff8);
    expect(iovas.allocFast(0, 512, LIMIT32, false)).toBe(0xffc00);
    // 33 pages are too many for the caches: not rounded up, but aligned to 64.
    expect(iovas.allocFast(0, 33, LIMIT32, false)).toBe(0xffbc0);
    expect(iovas.allocFast(0, 1, LIMIT32, false)).toBe(0xffbbf);
  });

  it('hands out the IOVA that was freed last, on the same CPU', () => {
    const iovas = domainOf(2);
    const first = iovas.allocFast(0, 1, LIMIT32, false);
    iovas.freeFast(0, first, 1);
    expect(iovas.allocFast(1, 1, LIMIT32, false)).toBe(first - 1);
    expect(iovas.allocFast(0, 1, LIMIT32, false)).toBe(first);
  });

  it('leaves out what is reserved, and page 0', () => {
    const iovas = domainOf();
    iovas.reserve(0xfee00, 0xfeeff);
    expect(iovas.allocFast(0, 0x1000, LIMIT32, false)).toBe(0xff000);
    expect(iovas.allocFast(0, 0x100, LIMIT32, false)).toBe(0xfef00);
    expect(iovas.allocFast(0, 0x100, LIMIT32, false)).toBe(0xfed00);
    expect(iovas.allocFast(0, 4, 7, false)).toBe(4);
    expect(iovas.allocFast(0, 4, 7, false)).toBe(0);
  });

  it('finds what was freed above when nothing is left below', () => {
    const iovas = domainOf();
    const large = iovas.allocFast(0, 64, 255, false);
    expect(large).toBe(192);
    expect(iovas.allocFast(0, 64, 255, false)).toBe(128);
    expect(iovas.allocFast(0, 64, 255, false)).toBe(64);
    expect(iovas.allocFast(0, 64, 255, false)).toBe(0);
    iovas.freeFast(0, large, 64);
    expect(iovas.allocFast(0, 64, 255, false)).toBe(192);
  });

  it('empties the caches before it gives up, if it may', () => {
    const iovas = domainOf(2);
    const pages = Array.from({ length: 7 }, () => iovas.allocFast(0, 1, 7, false));
    expect(pages).toEqual([7, 6, 5, 4, 3, 2, 1]);
    for (const page of pages) iovas.freeFast(1, page, 1);
    expect(iovas.allocFast(0, 2, 7, false)).toBe(0);
    expect(iovas.allocFast(0, 2, 7, true)).toBe(6);
  });

  it('moves full magazines to the depot, from where another CPU takes them', () => {
    const iovas = domainOf(2);
    const pages = Array.from({ length: 400 }, () => iovas.allocFast(0, 1, LIMIT32, false));
    for (const page of pages) iovas.freeFast(0, page, 1);
    // 127 are in the previous magazine, two times 127 in the depot, 19 in the loaded one.
    expect(iovas.allocFast(1, 1, LIMIT32, false)).toBe(pages[380]);
    iovas.trimDepots();
    expect(iovas.taken).toHaveLength(400);
  });

  it('never hands out pages that overlap, whatever is freed when', () => {
    const op = fc.record({
      isFree: fc.boolean(),
      cpu: fc.nat(2),
      pages: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 80 })),
      limit: fc.constantFrom(300, LIMIT32, LIMIT48),
      pick: fc.nat(1000),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 300, size: 'max' }), ops => {
        const iovas = domainOf(3);
        const live: { page: number; pages: number }[] = [];
        for (const { isFree, cpu, pages, limit, pick } of ops) {
          if (isFree) {
            const [range] = live.splice(pick % Math.max(1, live.length), 1);
            if (range) iovas.freeFast(cpu, range.page, range.pages);
            continue;
          }
          const page = iovas.allocFast(cpu, pages, limit, true);
          if (page === 0) continue;
          expect(page + pages - 1).toBeLessThanOrEqual(limit);
          expect(live.filter(each => each.page < page + pages && page < each.page + each.pages)).toEqual([]);
          live.push({ page, pages });
        }
      }),
      { numRuns: 40 },
    );
  });
});
