import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoundKernel, bindKernel } from '../../helpers/bound-kernel.ts';
import { EventType } from '../../helpers/event-type.ts';
import { at, entryProbe, FUNCTIONS, PAGE_ALLOC } from '../../helpers/kernel-events.ts';

const KMALLOC = new EventType('kmem', 'kmalloc', 670, [
  ['unsigned long call_site', 8],
  ['const void * ptr', 8],
  ['size_t bytes_req', 8],
  ['size_t bytes_alloc', 8],
]);
const KFREE = new EventType('kmem', 'kfree', 671, [
  ['unsigned long call_site', 8],
  ['const void * ptr', 8],
]);
const ANY_PROBE = entryProbe('bind', 672, [['u64 page_offset_base', 8]]);
const TYPES = [KMALLOC, KFREE, PAGE_ALLOC];

/** `page_offset_base` of a recorded kernel. */
const BASE = 0xff35_9b95_0000_0000n;

function kmalloc(kernel: BoundKernel, phys: bigint, size = 64, pid = 1): void {
  kernel.emit(KMALLOC, { call_site: FUNCTIONS.kfree, ptr: BASE + phys, bytes_alloc: size }, { pid });
}

/** A new slab: pages, and an object in them right behind. */
function newSlab(kernel: BoundKernel, pfn: number, offset = 0x340n, order = 1): void {
  kernel.emit(PAGE_ALLOC, { pfn, order });
  kmalloc(kernel, BigInt(pfn) * 4096n + offset);
}

const slabCalls = (kernel: BoundKernel) => kernel.calls.filter(([method]) => method.startsWith('slab'));

describe('objects of the slab allocator', () => {
  it('have a physical address once a probe has recorded page_offset_base', () => {
    const kernel = bindKernel([...TYPES, ANY_PROBE]);
    kmalloc(kernel, 0x4000n);
    kernel.emit(ANY_PROBE, { ...at('kfree'), page_offset_base: BASE });
    kmalloc(kernel, 0x1_2345_6000n, 512);
    kernel.emit(KFREE, { ptr: BASE + 0x1_2345_6000n });
    kernel.emit(KFREE, { ptr: 0 });
    expect(slabCalls(kernel)).toEqual([
      ['slabAlloc', 0x1_2345_6000, 512, 1],
      ['slabFree', 0x1_2345_6000],
    ]);
    expect(kernel.names.stack(1)[0]).toMatchObject({ symbol: 'kfree' });
    expect(kernel.seen.hasSlab).toBe(true);
  });

  it('have one once two new slabs agree on where the direct map is', () => {
    const kernel = bindKernel(TYPES);
    // The first object only makes allocations of pages worth to be looked at.
    kmalloc(kernel, 0x5040n);
    newSlab(kernel, 0x6_bc3a);
    kmalloc(kernel, 0x5080n);
    expect(slabCalls(kernel)).toEqual([]);
    newSlab(kernel, 0x1234, 0x1fc0n);
    kmalloc(kernel, 0x50c0n, 96);
    expect(slabCalls(kernel)).toEqual([['slabAlloc', 0x50c0, 96, 1]]);
  });

  it('do not count twice for one slab, nor for pages of another thread', () => {
    const kernel = bindKernel(TYPES);
    kmalloc(kernel, 0x5040n);
    newSlab(kernel, 0x1234);
    newSlab(kernel, 0x1234);
    kernel.emit(PAGE_ALLOC, { pfn: 0x777, order: 0 }, { pid: 2 });
    kmalloc(kernel, 0x77_7000n, 64, 1);
    kmalloc(kernel, 0x5080n);
    expect(slabCalls(kernel)).toEqual([]);
  });

  it('are not told where no object lies in the pages that were handed out before it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(0xf_ffff), fc.nat(0x3fff_ffff))), pairs => {
        const kernel = bindKernel(TYPES);
        kmalloc(kernel, 0x5040n);
        for (const [pfn, phys] of pairs) {
          // What lies in the pages, or a multiple of the alignment away from that, would be a vote.
          const offset = (phys - pfn * 4096) % 2 ** 30;
          if (offset >= 0 && offset < 4096) continue;
          if (offset < 0 && offset + 2 ** 30 < 4096) continue;
          kernel.emit(PAGE_ALLOC, { pfn, order: 0 });
          kmalloc(kernel, BigInt(phys));
        }
        expect(slabCalls(kernel)).toEqual([]);
      }),
    );
  });
});
