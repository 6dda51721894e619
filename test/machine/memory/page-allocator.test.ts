import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GFP_COMP, GFP_ZERO, PageAllocator } from '../../../src/machine/memory/page-allocator.ts';
import { PhysicalMemory, type Region } from '../../../src/machine/memory/physical-memory.ts';

const PAGE = 4096;
const OWNER = 1;

interface Options {
  readonly pages?: number;
  readonly regions?: readonly Region[];
  readonly batch?: number;
}

function newAllocator({ pages = 2048, regions = [], batch = 4 }: Options = {}) {
  const calls: string[] = [];
  const memory = new PhysicalMemory({ sizeBytes: pages * PAGE, regions });
  const allocator = new PageAllocator({
    memory,
    cpu: () => 0,
    batch,
    high: 4 * batch,
    hooks: {
      allocHook: (pfn, count) => calls.push(`alloc hook ${pfn}+${count}`),
      allocated: (pfn, order, _owner, traced) =>
        calls.push(`${traced ? 'mm_page_alloc' : 'taken'} ${pfn}/${order}`),
      freeing: (pfn, order) => calls.push(`mm_page_free ${pfn}/${order}`),
      freeHook: (pfn, count) => calls.push(`free hook ${pfn}+${count}`),
      freed: (pfn, order) => calls.push(`free ${pfn}/${order}`),
    },
  });
  const { freePages } = allocator;
  return { allocator, memory, calls, freePages };
}

describe('the page allocator', () => {
  it('calls the hooks where the kernel has them', () => {
    const { allocator, calls } = newAllocator();
    const pfn = allocator.alloc(1, 0, OWNER);
    allocator.free(pfn, 1);
    expect(calls).toEqual([
      `alloc hook ${pfn}+2`,
      `mm_page_alloc ${pfn}/1`,
      `mm_page_free ${pfn}/1`,
      `free hook ${pfn}+2`,
      `free ${pfn}/1`,
    ]);
  });

  it('never hands out page 0, reserved pages and holes, and all else once', () => {
    const regions: Region[] = [
      { kind: 'reserved', start: 16 * PAGE, size: 16 * PAGE },
      { kind: 'hole', start: 100 * PAGE, size: PAGE },
    ];
    const { allocator, freePages } = newAllocator({ pages: 128, regions });
    expect(freePages).toBe(128 - 1 - 16 - 1);
    const seen = new Set<number>();
    for (let pfn = allocator.alloc(0, 0, OWNER); pfn >= 0; pfn = allocator.alloc(0, 0, OWNER)) seen.add(pfn);
    expect(seen.size).toBe(freePages);
    for (const pfn of [0, 16, 31, 100]) expect(seen.has(pfn)).toBe(false);
    expect(allocator.alloc(0, 0, OWNER)).toBe(-1);
  });

  it('hands out first what its CPU freed last', () => {
    const { allocator } = newAllocator();
    const pages = [0, 0, 0].map(() => allocator.alloc(0, 0, OWNER));
    allocator.free(pages[1] as number, 0);
    expect(allocator.alloc(0, 0, OWNER)).toBe(pages[1]);
  });

  it('aligns blocks to their size, up to order 10', () => {
    const { allocator } = newAllocator({ pages: 8192 });
    for (let order = 0; order <= 10; order++) expect(allocator.alloc(order, 0, OWNER) % 2 ** order).toBe(0);
    expect(allocator.alloc(11, 0, OWNER)).toBe(-1);
  });

  it('zeroes what is asked to be zero', () => {
    const { allocator, memory } = newAllocator();
    const pfn = allocator.alloc(0, 0, OWNER);
    memory.write(pfn * PAGE + 8, 7);
    allocator.free(pfn, 0);
    expect(allocator.alloc(0, GFP_ZERO, OWNER)).toBe(pfn);
    expect(memory.read(pfn * PAGE + 8)).toBe(0);
  });

  it('does not survive a double free, a wrong order and a free of a tail', () => {
    const { allocator } = newAllocator();
    const pfn = allocator.alloc(2, 0, OWNER);
    expect(() => allocator.free(pfn, 1)).toThrow(`page ${pfn} was allocated with order 2 and freed with 1`);
    expect(() => allocator.free(pfn + 1, 0)).toThrow('is not the first page of an allocated block');
    allocator.free(pfn, 2);
    expect(() => allocator.free(pfn, 2)).toThrow(`page ${pfn} is freed, but is free already`);
    expect(() => allocator.put(pfn)).toThrow('is free already');
  });

  it('splits a block into pages that are freed one by one, unless it is compound', () => {
    const { allocator, calls } = newAllocator();
    const pfn = allocator.alloc(1, 0, OWNER);
    allocator.split(pfn);
    allocator.free(pfn + 1, 0);
    allocator.free(pfn, 0);
    expect(calls.filter(call => call.startsWith('mm_page_free'))).toEqual([
      `mm_page_free ${pfn + 1}/0`,
      `mm_page_free ${pfn}/0`,
    ]);
    const compound = allocator.alloc(1, GFP_COMP, OWNER);
    expect(() => allocator.split(compound)).toThrow('compound');
  });

  it('frees the tails of a block with another reference now, and its first page with that reference', () => {
    const { allocator, calls } = newAllocator();
    const pfn = allocator.alloc(3, 0, OWNER);
    allocator.get(pfn);
    allocator.free(pfn, 3);
    expect(calls.filter(call => call.startsWith('mm_page_free'))).toEqual([
      `mm_page_free ${pfn + 4}/2`,
      `mm_page_free ${pfn + 2}/1`,
      `mm_page_free ${pfn + 1}/0`,
    ]);
    allocator.put(pfn);
    expect(calls.at(-1)).toBe(`free ${pfn}/0`);
  });

  it('frees a compound block only with its last reference', () => {
    const { allocator, calls } = newAllocator();
    const pfn = allocator.alloc(3, GFP_COMP, OWNER);
    allocator.get(pfn);
    allocator.put(pfn);
    expect(calls.some(call => call.startsWith('mm_page_free'))).toBe(false);
    allocator.put(pfn);
    expect(calls.at(-1)).toBe(`free ${pfn}/3`);
  });

  it('gives no mm_page_alloc for bulk allocation, ranges and compaction, but passes the hook', () => {
    const { allocator, calls } = newAllocator();
    expect(allocator.allocBulk(3, 0, OWNER)).toHaveLength(3);
    expect(calls.filter(call => call.startsWith('taken'))).toHaveLength(3);
    expect(calls.filter(call => call.startsWith('alloc hook'))).toHaveLength(3);
    expect(calls.some(call => call.startsWith('mm_page_alloc'))).toBe(false);
    expect(allocator.allocContigRange(1030, 4, OWNER)).toBe(true);
    expect(allocator.allocContigRange(1030, 1, OWNER)).toBe(false);
    expect(calls.some(call => call.startsWith('mm_page_alloc'))).toBe(false);
  });

  it('gives the surplus of an exact allocation back at once', () => {
    const { allocator, calls, freePages } = newAllocator();
    const pfn = allocator.allocExact(5, 0, OWNER);
    expect(calls.filter(call => call.startsWith('mm_page_free'))).toEqual(
      [5, 6, 7].map(at => `mm_page_free ${pfn + at}/0`),
    );
    expect(allocator.freePages).toBe(freePages - 5);
  });

  it('keeps a poisoned page, and does not check it', () => {
    const { allocator, calls, freePages } = newAllocator();
    const pfn = allocator.alloc(0, 0, OWNER);
    allocator.poison(pfn);
    allocator.free(pfn, 0);
    expect(calls.at(-1)).toBe(`mm_page_free ${pfn}/0`);
    expect(allocator.freePages).toBe(freePages - 1);
    expect(() => allocator.free(pfn, 0)).toThrow();
  });

  it('has every page once, whatever is allocated, split and freed, and all of memory in the end', () => {
    const operation = fc.record({
      what: fc.constantFrom('alloc', 'alloc', 'compound', 'bulk', 'free', 'split', 'range'),
      order: fc.nat(6),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), fc.constantFrom(0, 4), (operations, batch) => {
        const { allocator, freePages } = newAllocator({ pages: 512, batch });
        const blocks: { pfn: number; order: number; compound: boolean }[] = [];
        for (const { what, order, which } of operations) {
          const compound = what === 'compound';
          if (what === 'alloc' || compound) {
            const pfn = allocator.alloc(order, compound ? GFP_COMP : 0, OWNER);
            if (pfn >= 0) blocks.push({ pfn, order, compound: compound && order > 0 });
          } else if (what === 'bulk') {
            for (const pfn of allocator.allocBulk(order, 0, OWNER))
              blocks.push({ pfn, order: 0, compound: false });
          } else if (what === 'range') {
            const pfn = which % 512;
            if (allocator.allocContigRange(pfn, 1, OWNER)) blocks.push({ pfn, order: 0, compound: false });
          } else if (blocks.length > 0) {
            const [block] = blocks.splice(which % blocks.length, 1);
            if (!block) continue;
            if (what === 'free' || block.compound) allocator.free(block.pfn, block.order);
            else {
              allocator.split(block.pfn);
              for (let at = 0; at < 2 ** block.order; at++) {
                blocks.push({ pfn: block.pfn + at, order: 0, compound: false });
              }
            }
          }
          const owned = new Set<number>();
          let total = 0;
          for (const { pfn, order: size } of blocks) {
            for (let at = 0; at < 2 ** size; at++) owned.add(pfn + at);
            total += 2 ** size;
          }
          expect(owned.size).toBe(total);
          expect(allocator.freePages).toBe(freePages - total);
        }
        for (const { pfn, order } of blocks) allocator.free(pfn, order);
        expect(allocator.freePages).toBe(freePages);
      }),
      { numRuns: 60 },
    );
  });
});
