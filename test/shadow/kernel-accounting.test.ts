import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { KernelAccounting } from '../../src/shadow/kernel-accounting.ts';
import { Shadow } from '../../src/shadow/shadow.ts';
import { KernelScript } from '../helpers/kernel-script.ts';

/**
 * `drivers/iommu/iommu-debug-pagealloc.c` of Linux 7.2, line by line, over page tables kept page by page. Numbers are
 * BigInt, so that overflows are those of a 64-bit kernel.
 */
class Reference {
  /** WARN_ONs of counts and of overflows. */
  warnings = 0;
  /** "Detected page leak!" */
  leaks = 0;
  private readonly refs = new Map<bigint, number>();
  private readonly tables = new Map<string, bigint>();
  private readonly pageSize: bigint;

  constructor(pageSize: number) {
    this.pageSize = BigInt(pageSize);
  }

  ref(pfn: number): number {
    return this.refs.get(BigInt(pfn)) ?? 0;
  }

  map(domain: string, iova: bigint, phys: bigint, size: bigint): void {
    for (let off = 0n; off < size; off += 4096n) this.tables.set(`${domain} ${iova + off}`, phys + off);
    if (phys === 0n || phys + size > 0xffff_ffff_ffff_ffffn) {
      this.warnings++;
      return;
    }
    for (let off = 0n; off < size; off += 4096n) this.inc(phys + off);
  }

  unmapBegin(domain: string, iova: bigint, size: bigint): void {
    this.updateIova(domain, iova, size, phys => this.dec(phys));
  }

  unmapEnd(domain: string, iova: bigint, size: bigint, unmapped: bigint): void {
    for (let off = 0n; off < unmapped; off += 4096n) this.tables.delete(`${domain} ${iova + off}`);
    // Equal: nothing. More: WARN_ON_ONCE and no correction.
    if (unmapped >= size) return;
    this.updateIova(domain, iova + unmapped, size - unmapped, phys => this.inc(phys));
  }

  domainFree(domain: string): void {
    for (const key of [...this.tables.keys()]) if (key.startsWith(`${domain} `)) this.tables.delete(key);
  }

  check(pfn: number, pages: number): void {
    for (let page = pfn; page < pfn + pages; page++) if (this.ref(page) !== 0) this.leaks++;
  }

  private updateIova(domain: string, iova: bigint, size: bigint, change: (phys: bigint) => void): void {
    if (iova + size > 0xffff_ffff_ffff_ffffn) {
      this.warnings++;
      return;
    }
    for (let off = 0n; off < size; off += 4096n) {
      const phys = this.tables.get(`${domain} ${iova + off}`) ?? 0n;
      if (phys !== 0n) change(phys);
    }
  }

  private inc(phys: bigint): void {
    if (this.add(phys, 1) <= 0) this.warnings++;
  }

  private dec(phys: bigint): void {
    if (this.add(phys, -1) < 0) this.warnings++;
  }

  private add(phys: bigint, by: number): number {
    const pfn = phys / this.pageSize;
    const ref = (this.refs.get(pfn) ?? 0) + by;
    this.refs.set(pfn, ref);
    return ref;
  }
}

const PFNS = 12;
const domain = fc.constantFrom('A', 'B');
const pages = fc.integer({ min: 1, max: 5 });
/** Few pages, so that calls meet; also the last ones of the address space, where a range ends at 2^64. */
const iova = fc.oneof(
  { weight: 8, arbitrary: fc.nat(3) },
  { weight: 1, arbitrary: fc.integer({ min: 2 ** 52 - 4, max: 2 ** 52 - 1 }) },
);
/** Page 0, which is not counted when it is mapped, often enough for counts below zero. */
const frame = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(7) });
const call = { domain, iova, pages };

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('map' as const), ...call, frame }) },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('unmap' as const),
      ...call,
      removed: fc.option(fc.nat(6), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('domainFree' as const), domain }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constantFrom('alloc' as const, 'free' as const),
      pfn: fc.nat(9),
      order: fc.nat(2),
    }),
  },
);

/** Bytes from a page on that stay within 64 bits. */
function bytes(from: number, count: number): number {
  return Math.min(count, 2 ** 52 - from) * 4096;
}

describe.each([4096, 16384])('kernel accounting with pages of %i bytes', pageSize => {
  it('counts and warns as the code of Linux 7.2 does, also where it is wrong', () => {
    let below = 0;
    fc.assert(
      fc.property(fc.array(operation, { minLength: 10, maxLength: 60, size: 'max' }), operations => {
        const reference = new Reference(pageSize);
        let faults = 0;
        const shadow = new Shadow({
          pageSize,
          accounting: 'kernel',
          changes: {
            mapOver: () => undefined,
            watchedCut: () => undefined,
            mappingCut: () => undefined,
            countFault: () => faults++,
          },
        });
        const at = newMoment();
        const ids: Readonly<Record<string, number>> = { A: 1, B: 2 };
        for (const it of operations) {
          if (it.what === 'map') {
            const [iova, phys, size] = [it.iova * 4096, it.frame * 4096, bytes(it.iova, it.pages)];
            shadow.iommuMap(at, ids[it.domain] as number, iova, phys, size, 0);
            reference.map(it.domain, BigInt(iova), BigInt(phys), BigInt(size));
          } else if (it.what === 'unmap') {
            const [iova, size] = [it.iova * 4096, bytes(it.iova, it.pages)];
            const unmapped = it.removed === undefined ? size : bytes(it.iova, it.removed);
            shadow.iommuUnmapBegin(at, ids[it.domain] as number, iova, size);
            shadow.iommuUnmapEnd(at, ids[it.domain] as number, iova, size, unmapped);
            reference.unmapBegin(it.domain, BigInt(iova), BigInt(size));
            reference.unmapEnd(it.domain, BigInt(iova), BigInt(size), BigInt(unmapped));
          } else if (it.what === 'domainFree') {
            shadow.domainFree(at, ids[it.domain] as number);
            reference.domainFree(it.domain);
          } else {
            if (it.what === 'alloc') shadow.pageAlloc(at, it.pfn, it.order);
            else shadow.pageFree(at, it.pfn, it.order);
            reference.check(it.pfn, 2 ** it.order);
          }
        }
        const { accounting } = shadow;
        const pfns = Array.from({ length: PFNS }, (_, pfn) => pfn);
        const refs = pfns.map(pfn => reference.ref(pfn));
        expect(pfns.map(pfn => accounting.mappingsOf(pfn))).toEqual(refs);
        expect(pfns.map(pfn => accounting.anyMapped(pfn, 1))).toEqual(refs.map(ref => ref !== 0));
        expect(accounting.mappedPages(0, PFNS)).toBe(refs.filter(ref => ref !== 0).length);
        expect(accounting.firstMapped(0, PFNS)).toBe(refs.findIndex(ref => ref !== 0));
        expect({ leaks: accounting.kernelWarnings, faults }).toEqual({
          leaks: reference.leaks,
          faults: reference.warnings,
        });
        if (refs.some(ref => ref < 0)) below++;
      }),
      { numRuns: 300 },
    );
    // The property is worth something only if counts do go below zero now and then.
    expect(below).toBeGreaterThan(0);
  });
});

describe('a granule of 16 KiB on pages of 4 KiB (S21)', () => {
  it('is counted at its first page only, which may be that of a neighbour', () => {
    const accounting = new KernelAccounting(
      4096,
      () => -1,
      () => undefined,
      16384,
    );
    accounting.mapped(newMoment(), 1, 0x4000, 0x4000);
    expect([4, 5, 6, 7].map(pfn => accounting.mappingsOf(pfn))).toEqual([1, 0, 0, 0]);
    expect(accounting.anyMapped(5, 1)).toBe(false);
  });
});

describe('what a damaged trace can say', () => {
  it('does not make it walk for hours: sizes beyond 16 TiB and ranges beyond 64 bits are passed over', () => {
    const faults: string[] = [];
    const accounting = new KernelAccounting(
      4096,
      () => 1,
      (_at, _pfn, fault) => faults.push(fault),
    );
    accounting.mapped(newMoment(), 1, 0x1000, 2 ** 60);
    accounting.unmapBegin(newMoment(), 1, 0x1000, 2 ** 60);
    expect(faults).toEqual([]);
    accounting.mapped(newMoment(), 1, 2 ** 63, 2 ** 63);
    expect(faults).toEqual(['refused']);
    expect(accounting.anyMapped(0, 2 ** 20)).toBe(false);
  });

  it('does not make it look at more pages than an allocator can hand out', () => {
    const k = new KernelScript({ accounting: 'kernel' }).map('A', 0x1000, 0x5000, 0x1000);
    k.free(0, 60).alloc(0, 1_000_000);
    expect(k.shadow.accounting.kernelWarnings).toBe(0);
    expect(k.rules()).toEqual([]);
  });
});
